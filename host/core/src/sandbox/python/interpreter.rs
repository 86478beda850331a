//! The frames of `CPython`.
//!
//! `CPython` describes the layout of its own structures at the start of its state, for debuggers of other processes (`_Py_DebugOffsets`
//! in `Include/internal/pycore_debug_offsets.h` of its repository).

use memchr::memmem;

use super::lines;
use super::memory::GuestMemory;

const COOKIE: &[u8] = b"xdebugpy";
/// The state is among the static data, which come first in the memory.
const STATE_WITHIN: usize = 64 << 20;
/// Tried positions of the state.
const TRIES: usize = 16;
/// The upper half of `PY_VERSION_HEX` whose layout this is.
const VERSION: u64 = 0x030E;

/// The most frames of a stack.
const MAX_FRAMES: usize = 256;
/// The most frames that are looked at, for a chain that is a circle of entries that are left out.
const MAX_STEPS: usize = 4 * MAX_FRAMES;
/// The most bytes of all tables of lines together.
const MAX_TABLES: u64 = 4 << 20;
/// The most characters of a name.
const MAX_NAME: u64 = 1 << 10;

/// From this owner on, a frame is one of the interpreter and has no code (`_frameowner` in `pycore_interpframe_structs.h`).
const OWNED_BY_INTERPRETER: u8 = 3;
/// Bits of a reference that are no part of the address.
const TAGS: u64 = 3;

/// A frame of Python code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PythonFrame {
    pub(super) file: String,
    pub(super) function: String,
    pub(super) line: Option<u32>,
}

/// Returns the frames of the interpreter in this memory, innermost first. Returns `None` if it contains none.
pub(super) fn frames(memory: GuestMemory<'_>) -> Option<Vec<PythonFrame>> {
    let data = &memory.0[..memory.0.len().min(STATE_WITHIN)];
    memmem::find_iter(data, COOKIE).take(TRIES).find_map(|state| Interpreter::at(memory, state as u64)?.frames())
}

struct Interpreter<'a> {
    memory: GuestMemory<'a>,
    /// The address of its state.
    state: u64,
    layout: Layout,
}

/// Offsets in the structures.
struct Layout {
    interpreters: u64,
    threads: u64,
    current_frame: u64,
    previous: u64,
    executable: u64,
    instruction: u64,
    owner: u64,
    file: u64,
    function: u64,
    line_table: u64,
    first_line: u64,
    bytecode: u64,
    bytes_length: u64,
    bytes: u64,
    text_size: u64,
    text_state: u64,
    text_length: u64,
    ascii_size: u64,
}

impl Layout {
    /// Reads the description after the cookie. Returns `None` for another version.
    fn read(memory: GuestMemory<'_>, state: u64) -> Option<Self> {
        let field = |index: u64| memory.double_word(state + COOKIE.len() as u64 + 8 * index);
        let (version, is_free_threaded) = (field(0)?, field(1)? != 0);
        if version >> 16 != VERSION || is_free_threaded {
            return None;
        }
        Some(Self {
            interpreters: field(4)?,
            threads: field(8)?,
            current_frame: field(25)?,
            previous: field(31)?,
            executable: field(32)?,
            instruction: field(33)?,
            owner: field(35)?,
            file: field(39)?,
            function: field(41)?,
            line_table: field(42)?,
            first_line: field(43)?,
            bytecode: field(47)?,
            bytes_length: field(74)?,
            bytes: field(75)?,
            text_size: field(76)?,
            text_state: field(77)?,
            text_length: field(78)?,
            ascii_size: field(79)?,
        })
    }
}

impl<'a> Interpreter<'a> {
    fn at(memory: GuestMemory<'a>, state: u64) -> Option<Self> {
        Some(Self { memory, state, layout: Layout::read(memory, state)? })
    }

    /// Returns the value of a field that is an address or a size.
    fn word(&self, structure: u64, offset: u64) -> Option<u64> {
        self.memory.word(structure.checked_add(offset)?)
    }

    fn frames(&self) -> Option<Vec<PythonFrame>> {
        let interpreter = self.word(self.state, self.layout.interpreters)?;
        let thread = self.word(interpreter, self.layout.threads)?;
        let mut address = self.word(thread, self.layout.current_frame)?;
        let mut tables = MAX_TABLES;
        let mut frames = Vec::new();
        for _ in 0..MAX_STEPS {
            if address == 0 || frames.len() == MAX_FRAMES {
                break;
            }
            let Some(owner) = address.checked_add(self.layout.owner).and_then(|owner| self.memory.byte(owner)) else {
                break;
            };
            if owner < OWNED_BY_INTERPRETER {
                let Some(frame) = self.frame(address, &mut tables) else { break };
                frames.push(frame);
            }
            let Some(previous) = self.word(address, self.layout.previous) else { break };
            address = previous;
        }
        (!frames.is_empty()).then_some(frames)
    }

    fn frame(&self, address: u64, tables: &mut u64) -> Option<PythonFrame> {
        let code = self.word(address, self.layout.executable)? & !TAGS;
        Some(PythonFrame {
            file: self.text(self.word(code, self.layout.file)?)?,
            function: self.text(self.word(code, self.layout.function)?)?,
            line: self.line(address, code, tables),
        })
    }

    /// Returns the line of the instruction that the frame is at.
    fn line(&self, frame: u64, code: u64, tables: &mut u64) -> Option<u32> {
        let table = self.word(code, self.layout.line_table)?;
        let length = self.word(table, self.layout.bytes_length)?;
        *tables = tables.checked_sub(length)?;
        let table = self.memory.bytes(table.checked_add(self.layout.bytes)?, length)?;
        let first = u32::try_from(self.word(code, self.layout.first_line)?).ok()?;
        let start = code.checked_add(self.layout.bytecode)?;
        let instruction = self.word(frame, self.layout.instruction)?.checked_sub(start)? / 2;
        lines::line(table, first, instruction)
    }

    /// Returns a text, shortened if it is long.
    fn text(&self, address: u64) -> Option<String> {
        let state = self.word(address, self.layout.text_state)?;
        // Bits: 2 whether it is interned, 3 its bytes per character, 1 whether the characters follow, 1 whether it is ASCII.
        let (size, is_compact, is_ascii) = ((state >> 2) & 7, (state >> 5) & 1 == 1, (state >> 6) & 1 == 1);
        if !is_compact {
            return None;
        }
        // A text that is not ASCII also has a pointer to its UTF-8 form; one that is not compact, to its characters.
        let head = if is_ascii { self.layout.ascii_size } else { self.layout.text_size.checked_sub(4)? };
        let length = self.word(address, self.layout.text_length)?.min(MAX_NAME);
        let bytes = self.memory.bytes(address.checked_add(head)?, length * size)?;
        let character = |unit: u32| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
        match size {
            1 => Some(bytes.iter().map(|&byte| char::from(byte)).collect()),
            2 => Some(
                bytes.chunks_exact(2).map(|unit| character(u16::from_le_bytes([unit[0], unit[1]]).into())).collect(),
            ),
            4 => {
                let units = bytes.chunks_exact(4).map(|unit| u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]]));
                Some(units.map(character).collect())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A memory whose first bytes are an interpreter's state with these fields; all other words are from `word`.
    fn memory(fields: impl Fn(u64) -> u64, word: impl Fn(usize) -> u32) -> Vec<u8> {
        let mut memory: Vec<u8> = (0..1 << 14).flat_map(|index| word(index).to_le_bytes()).collect();
        let state = COOKIE.iter().copied().chain((0..90).flat_map(|index| fields(index).to_le_bytes()));
        memory.splice(..COOKIE.len() + 90 * 8, state);
        memory
    }

    #[test]
    fn a_memory_without_an_interpreter_has_no_frames() {
        assert_eq!(frames(GuestMemory(&[])), None);
        assert_eq!(frames(GuestMemory(COOKIE)), None);
        assert_eq!(frames(GuestMemory(&vec![b'x'; 1 << 16])), None);
        assert_eq!(frames(GuestMemory(&memory(|_| 0, |_| 0))), None);
        let next = memory(|index| if index == 0 { (VERSION + 1) << 16 } else { 0 }, |_| 0);
        assert_eq!(frames(GuestMemory(&next)), None);
    }

    /// The offsets of [`chain`]: each structure has its fields one after the other.
    fn small_layout(index: u64) -> u64 {
        match index {
            0 => VERSION << 16,
            4 => 800,
            31 | 41 | 75 | 78 => 4,
            33 | 42 | 79 => 8,
            35 | 43 | 76 => 12,
            47 => 16,
            _ => 0,
        }
    }

    /// A memory with a frame that was called by itself.
    fn chain() -> Vec<u8> {
        let mut memory = memory(small_layout, |_| 0);
        let mut words = |address: usize, words: &[u32]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            memory[address..address + bytes.len()].copy_from_slice(&bytes);
        };
        let compact_ascii = 1 << 2 | 1 << 5 | 1 << 6;
        // The interpreter, its thread, the frame, its code, two texts, and a table in which each instruction has the next line.
        words(800, &[1000]);
        words(1000, &[1100]);
        words(1100, &[1200]);
        words(1200, &[1300, 1200, 1300 + 16 + 2, 0]);
        words(1300, &[1400, 1500, 1600, 7]);
        words(1400, &[compact_ascii, 4, u32::from_le_bytes(*b"a.py")]);
        words(1500, &[compact_ascii, 1, u32::from(b'f')]);
        words(1600, &[6, u32::from_le_bytes([0xd8, 0, 0, 0xd8])]);
        memory
    }

    #[test]
    fn frames_have_names_and_lines_and_a_circle_of_them_ends() {
        let found = frames(GuestMemory(&chain())).unwrap();
        let frame = PythonFrame { file: "a.py".into(), function: "f".into(), line: Some(9) };
        assert_eq!((found.len(), &found[0], &found[MAX_FRAMES - 1]), (MAX_FRAMES, &frame, &frame));
    }

    #[test]
    fn structures_of_any_content_are_read() {
        let memory = chain();
        for place in (8..COOKIE.len() + 90 * 8).chain(800..1620) {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut changed = memory.clone();
                changed[place] = byte;
                let _ = frames(GuestMemory(&changed));
                // As the highest byte of a word.
                changed[place + 3] = 0xff;
                let _ = frames(GuestMemory(&changed));
            }
        }
    }
}
