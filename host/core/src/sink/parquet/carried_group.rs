//! The rows of an incomplete row group whose carried columns are not read yet.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{UInt32Type, UInt64Type};

use super::layout::CarriedLayout;
use super::{GROUP_BYTES, GROUP_ROWS};
use crate::source::{CarriedFile, SourceError};

/// The rows of a row group of the input, or the bytes of its carried columns, from which on it is copied as a row group of its own. Smaller ones
/// are joined, because each row group costs readers some work.
const COPIED_ROWS: u64 = 1 << 14;
const COPIED_BYTES: u64 = 1 << 20;

/// The positions of the rows of a row group, and where the group ends.
///
/// A row group that has exactly the rows of a row group of the input can be copied, whatever its size. So it ends with them, and before it
/// others end if they are not small.
pub(super) struct CarriedGroup {
    pub(super) layout: Arc<CarriedLayout>,
    pub(super) pieces: Vec<Piece>,
    rows: u64,
    /// The bytes of the carried columns of these rows, about.
    bytes: u64,
    /// The row group of the input whose first rows these are exactly, if there is one.
    whole: Option<WholeGroup>,
    /// The file of the last row, and the index of its row group there.
    current: Option<(u32, Arc<CarriedFile>, usize)>,
}

/// The first rows of a row group of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WholeGroup {
    file: u32,
    group: usize,
    /// The number of the next row in the file.
    next: u64,
}

/// Rows of one file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) file: u32,
    /// The numbers of the rows, in the order of the output. They ascend, unless a step returned the rows of a batch in another order, or
    /// several times.
    pub(super) rows: Vec<Range<u64>>,
    pub(super) ascends: bool,
}

impl CarriedGroup {
    pub(super) fn new(layout: &Arc<CarriedLayout>) -> Self {
        let layout = Arc::clone(layout);
        Self { layout, pieces: Vec::new(), rows: 0, bytes: 0, whole: None, current: None }
    }

    /// Adds the first rows of a batch, up to where the group ends, and returns their number. It is 0 if the group ends before them.
    ///
    /// # Errors
    /// A file of the input cannot be opened.
    pub(super) fn add(&mut self, rows: &RecordBatch) -> Result<usize, SourceError> {
        let columns = rows.columns();
        let [.., files, numbers] = columns else { unreachable!("the rows have positions") };
        let (files, numbers) = (files.as_primitive::<UInt32Type>(), numbers.as_primitive::<UInt64Type>());
        let mut piece: Option<Piece> = None;
        let mut count = 0;
        for row in 0..rows.num_rows() {
            let (file, number) = (files.value(row), numbers.value(row));
            if self.ends_before(file, number)? {
                break;
            }
            self.count(file, number);
            match &mut piece {
                Some(piece) if piece.file == file => piece.push(number),
                _ => {
                    self.add_piece(piece.take());
                    piece.insert(Piece::new(file)).push(number);
                }
            }
            count += 1;
            if self.is_full() {
                break;
            }
        }
        self.add_piece(piece);
        Ok(count)
    }

    fn add_piece(&mut self, piece: Option<Piece>) {
        let Some(piece) = piece else { return };
        match self.pieces.last_mut() {
            Some(last) if last.is_followed_by(&piece) => last.append(piece),
            _ => self.pieces.push(piece),
        }
    }

    /// Returns whether the group ends before a row, and makes it the current one.
    fn ends_before(&mut self, file: u32, number: u64) -> Result<bool, SourceError> {
        let group = |open: &CarriedFile| open.groups().partition_point(|group| group.rows.end <= number);
        match &mut self.current {
            Some((current, open, index)) if *current == file => {
                if !open.groups().get(*index).is_some_and(|group| group.rows.contains(&number)) {
                    *index = group(open);
                }
            }
            _ => {
                let open = self.layout.sink.files.file(file)?;
                let index = group(&open);
                self.current = Some((file, open, index));
            }
        }
        let Some((_, open, index)) = &self.current else { return Ok(false) };
        let Some(next) = open.groups().get(*index) else { return Ok(false) };
        let is_small = self.rows < COPIED_ROWS && self.bytes < COPIED_BYTES;
        Ok(self.rows > 0 && number == next.rows.start && !is_small && is_copied(&next.rows, next.bytes))
    }

    /// Counts the current row.
    fn count(&mut self, file: u32, number: u64) {
        let Some((_, open, index)) = &self.current else { return };
        let Some(group) = open.groups().get(*index) else { return };
        let expected = match self.whole {
            Some(whole) if whole.file == file && whole.group == *index => Some(whole.next),
            None if self.rows == 0 => Some(group.rows.start),
            _ => None,
        };
        self.whole =
            expected.filter(|next| *next == number).map(|next| WholeGroup { file, group: *index, next: next + 1 });
        self.rows += 1;
        self.bytes += group.bytes.div_ceil((group.rows.end - group.rows.start).max(1));
    }

    /// Returns the file and the row group of the input that has exactly these rows.
    pub(super) fn copied(&self) -> Option<(u32, usize)> {
        let (whole, (_, open, _)) = (self.whole?, self.current.as_ref()?);
        let is_complete = open.groups().get(whole.group).is_some_and(|group| group.rows.end == whole.next);
        is_complete.then_some((whole.file, whole.group))
    }

    /// Returns whether the group ends after its last row.
    pub(super) fn is_full(&self) -> bool {
        match (self.whole, &self.current) {
            (Some(whole), Some((_, open, _))) => {
                let group = open.groups().get(whole.group);
                group.is_some_and(|group| group.rows.end == whole.next && is_copied(&group.rows, group.bytes))
            }
            _ => self.rows >= GROUP_ROWS as u64 || self.bytes >= GROUP_BYTES as u64,
        }
    }

    /// Returns the bytes of the carried columns in the input, about.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn rows(&self) -> usize {
        self.rows as usize
    }
}

/// Returns whether a row group of the input is large enough to be copied as one.
fn is_copied(rows: &Range<u64>, bytes: u64) -> bool {
    rows.end - rows.start >= COPIED_ROWS || bytes >= COPIED_BYTES
}

impl Piece {
    fn new(file: u32) -> Self {
        Self { file, rows: Vec::new(), ascends: true }
    }

    fn push(&mut self, number: u64) {
        match self.rows.last_mut() {
            Some(last) if last.end == number => last.end += 1,
            last => {
                self.ascends &= last.is_none_or(|last| last.end < number);
                self.rows.push(number..number.saturating_add(1));
            }
        }
    }

    /// Returns whether the rows of another piece come after these in the file, and both ascend.
    fn is_followed_by(&self, next: &Self) -> bool {
        let ends = self.rows.last().zip(next.rows.first());
        self.file == next.file
            && self.ascends
            && next.ascends
            && ends.is_some_and(|(last, first)| last.end <= first.start)
    }

    fn append(&mut self, next: Self) {
        let mut rows = next.rows.into_iter().peekable();
        if let (Some(last), Some(first)) = (self.rows.last_mut(), rows.peek())
            && last.end == first.start
        {
            last.end = first.end;
            rows.next();
        }
        self.rows.extend(rows);
    }

    /// Returns the numbers of the rows in the order of the output.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().cloned().flatten()
    }

    /// Returns the rows in the order of the file, each once.
    pub(super) fn in_file_order(&self) -> Vec<Range<u64>> {
        if self.ascends {
            return self.rows.clone();
        }
        let mut numbers: Vec<u64> = self.numbers().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut sorted = Self::new(self.file);
        for number in numbers {
            sorted.push(number);
        }
        sorted.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(numbers: &[u64]) -> Piece {
        let mut piece = Piece::new(0);
        for number in numbers {
            piece.push(*number);
        }
        piece
    }

    #[test]
    fn rows_that_follow_each_other_are_a_range() {
        let mut first = piece(&[3, 4, 5, 9]);
        assert_eq!((first.rows.as_slice(), first.ascends), (&[3..6, 9..10][..], true));
        let next = piece(&[10, 11]);
        assert!(first.is_followed_by(&next) && !next.is_followed_by(&first));
        first.append(next);
        assert_eq!(first.rows, [3..6, 9..12]);
    }

    #[test]
    fn rows_in_another_order_are_read_in_that_of_the_file() {
        for numbers in [vec![5, 4, 3, 9], vec![3, 3, 4, 5, 9], vec![9, 3, 5, 4, 9]] {
            let piece = piece(&numbers);
            assert!(!piece.ascends, "{numbers:?}");
            assert_eq!(piece.numbers().collect::<Vec<_>>(), numbers);
            assert_eq!(piece.in_file_order(), [3..6, 9..10]);
        }
        assert!(!piece(&[1, 2]).is_followed_by(&piece(&[5, 4])));
    }

    #[test]
    fn large_row_groups_are_copied() {
        assert!(is_copied(&(5..5 + COPIED_ROWS), 0) && is_copied(&(0..1), COPIED_BYTES));
        assert!(!is_copied(&(0..COPIED_ROWS - 1), COPIED_BYTES - 1));
    }
}
