//! Dates, times and durations as ISO 8601 text, for every value that the types can hold.

use std::io::Write as _;

use arrow_array::timezone::Tz;

use crate::units::civil;

const DAY_SECONDS: i64 = 86_400;

/// Returns a time zone by its name or offset. Some programs write UTC as `Z` or `utc`.
pub(super) fn parse_zone(name: &str) -> Option<Tz> {
    let is_utc = name.eq_ignore_ascii_case("z") || name.eq_ignore_ascii_case("utc");
    if is_utc { "UTC" } else { name }.parse().ok()
}

/// Adds a date in the Gregorian calendar, by its days since 1970. Years outside of 0 to 9999 have a sign and at least five
/// digits.
pub(super) fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil(days);
    if (0..=9999).contains(&year) {
        write!(out, "{year:04}-{month:02}-{day:02}")
    } else {
        write!(out, "{year:+06}-{month:02}-{day:02}")
    }
    .expect("memory can be written");
}

/// Adds a time of day, in seconds and nanoseconds. 24:00:00 is the end of the day.
///
/// # Errors
/// The time is not within a day.
pub(super) fn write_time(seconds: i64, nanoseconds: u32, out: &mut Vec<u8>) -> Result<(), &'static str> {
    if !(0..=DAY_SECONDS).contains(&seconds) || (seconds == DAY_SECONDS && nanoseconds > 0) {
        return Err("a time of day outside of 00:00:00 to 24:00:00");
    }
    write_clock(seconds, nanoseconds, out);
    Ok(())
}

/// Adds a date and a time, by the seconds since 1970.
pub(super) fn write_datetime(seconds: i64, nanoseconds: u32, out: &mut Vec<u8>) {
    write_date(seconds.div_euclid(DAY_SECONDS), out);
    out.push(b'T');
    write_clock(seconds.rem_euclid(DAY_SECONDS), nanoseconds, out);
}

/// Adds the offset from UTC: `Z` or `+01:00`. The offset is in whole minutes.
pub(super) fn write_offset(seconds: i64, out: &mut Vec<u8>) {
    if seconds == 0 {
        out.push(b'Z');
        return;
    }
    let minutes = seconds.abs() / 60;
    let sign = if seconds < 0 { '-' } else { '+' };
    write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60).expect("memory can be written");
}

/// Adds a duration: `PT90S`, `-PT0.5S`.
pub(super) fn write_duration(seconds: i64, nanoseconds: u32, out: &mut Vec<u8>) {
    // The parts have the same sign afterwards: -0.5 s is given as -1 s and 500,000,000 ns.
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    if total < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(b"PT");
    write_seconds(total.unsigned_abs(), out);
}

/// Adds an interval: `P14M3DT3723S`. Each part has its own sign; parts of 0 are left out.
pub(super) fn write_interval(months: i32, days: i32, nanoseconds: i64, out: &mut Vec<u8>) {
    out.push(b'P');
    if months != 0 {
        write!(out, "{months}M").expect("memory can be written");
    }
    if days != 0 {
        write!(out, "{days}D").expect("memory can be written");
    }
    if nanoseconds != 0 || (months == 0 && days == 0) {
        out.push(b'T');
        if nanoseconds < 0 {
            out.push(b'-');
        }
        write_seconds(u128::from(nanoseconds.unsigned_abs()), out);
    }
}

fn write_seconds(nanoseconds: u128, out: &mut Vec<u8>) {
    let (whole, fraction) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    write!(out, "{whole}").expect("memory can be written");
    if fraction > 0 {
        let digits = format!("{fraction:09}");
        write!(out, ".{}", digits.trim_end_matches('0')).expect("memory can be written");
    }
    out.push(b'S');
}

/// Adds a time of day with 0, 3, 6 or 9 digits after the seconds.
fn write_clock(seconds: i64, nanoseconds: u32, out: &mut Vec<u8>) {
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    write!(out, "{hour:02}:{minute:02}:{second:02}").expect("memory can be written");
    match nanoseconds {
        0 => Ok(()),
        _ if nanoseconds.is_multiple_of(1_000_000) => write!(out, ".{:03}", nanoseconds / 1_000_000),
        _ if nanoseconds.is_multiple_of(1_000) => write!(out, ".{:06}", nanoseconds / 1_000),
        _ => write!(out, ".{nanoseconds:09}"),
    }
    .expect("memory can be written");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn zones_are_names_and_offsets_and_utc_has_several_names() {
        for name in ["UTC", "utc", "Z", "+00:00", "Europe/Berlin", "-00:30"] {
            assert!(parse_zone(name).is_some(), "{name}");
        }
        assert!(parse_zone("Mars/Olympus").is_none());
    }

    #[test]
    fn dates_are_right_in_every_year() {
        let date = |days| text(|out| write_date(days, out));
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(-719_528), "0000-01-01");
        assert_eq!(date(-719_529), "-00001-12-31");
        assert_eq!(date(2_932_896), "9999-12-31");
        assert_eq!(date(2_932_897), "+10000-01-01");
        assert_eq!(date(i64::from(i32::MAX)), "+5881580-07-11");
        assert_eq!(date(i64::from(i32::MIN)), "-5877641-06-23");
    }

    #[test]
    fn times_have_as_many_digits_as_they_need() {
        assert_eq!(text(|out| write_datetime(-1, 500_000_000, out)), "1969-12-31T23:59:59.500");
        assert_eq!(text(|out| write_datetime(0, 1_000, out)), "1970-01-01T00:00:00.000001");
        assert_eq!(text(|out| write_datetime(0, 1, out)), "1970-01-01T00:00:00.000000001");
        assert_eq!(text(|out| write_datetime(i64::MAX, 0, out)), "+292277026596-12-04T15:30:07");
        assert_eq!(text(|out| write_time(86_400, 0, out).unwrap()), "24:00:00");
        assert!(write_time(86_400, 1, &mut Vec::new()).is_err());
        assert!(write_time(-1, 0, &mut Vec::new()).is_err());
        assert_eq!(text(|out| write_offset(19_800, out)), "+05:30");
        assert_eq!(text(|out| write_offset(-3_600, out)), "-01:00");
    }

    #[test]
    fn durations_and_intervals_are_iso_8601() {
        assert_eq!(text(|out| write_duration(90, 0, out)), "PT90S");
        assert_eq!(text(|out| write_duration(-1, 500_000_000, out)), "-PT0.5S");
        assert_eq!(text(|out| write_duration(0, 0, out)), "PT0S");
        assert_eq!(text(|out| write_interval(14, 3, 3_723_000_000_000, out)), "P14M3DT3723S");
        assert_eq!(text(|out| write_interval(-1, 0, 0, out)), "P-1M");
        assert_eq!(text(|out| write_interval(0, 0, 0, out)), "PT0S");
        assert_eq!(text(|out| write_interval(0, -2, -1, out)), "P-2DT-0.000000001S");
    }
}
