//! RFC 3339, and nothing looser: a time without an offset or of the wrong century puts deadlines wrong silently.

use std::borrow::Cow;

use jiff::{Timestamp, tz::TimeZone};

/// First and last year in which a post can have been written.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2100;

/// Reads `2026-05-04T09:30:00Z` or `2026-05-04T11:30:00.25+02:00`; otherwise says what is wrong.
pub(super) fn read(text: &str) -> Result<Timestamp, String> {
    let parsed = finest(text).and_then(|text| text.parse::<Timestamp>().ok());
    let Some(time) = parsed else {
        let shown: String = text.chars().take(40).collect();
        return Err(format!(
            "{shown:?} is no RFC 3339 time such as \"2026-05-04T09:30:00Z\" or with +02:00 at its end"
        ));
    };
    let year = time.to_zoned(TimeZone::UTC).year();
    if !YEARS.contains(&year) {
        return Err(format!("the year {year} is outside {} to {}", YEARS.start(), YEARS.end()));
    }
    Ok(time)
}

/// The same text with at most nine digits of its fraction, which is what jiff takes, if it is `YYYY-MM-DDTHH:MM:SS`, a fraction or none, and `Z`
/// or `+HH:MM` below 24 hours. jiff takes more shapes than that.
fn finest(text: &str) -> Option<Cow<'_, str>> {
    const TIME: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    const OFFSET: &[u8] = b"+dd:dd";
    const DIGITS: usize = 9;
    let (time, rest) = text.split_at_checked(TIME.len())?;
    let digits = match rest.strip_prefix('.') {
        None => "",
        Some(fraction) => {
            let end = fraction.bytes().take_while(u8::is_ascii_digit).count();
            fraction.get(..end).filter(|digits| !digits.is_empty())?
        }
    };
    let zone = rest.trim_start_matches('.').get(digits.len()..)?;
    let is_offset = |zone: &str| like(zone.as_bytes(), OFFSET) && zone[1..3] < *"24" && zone[4..] < *"60";
    if !like(time.as_bytes(), TIME) || !(matches!(zone, "Z" | "z") || is_offset(zone)) {
        return None;
    }
    if digits.len() <= DIGITS {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(format!("{time}.{}{zone}", &digits[..DIGITS])))
}

fn like(text: &[u8], shape: &[u8]) -> bool {
    text.len() == shape.len()
        && text.iter().zip(shape).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b't'),
            b'+' => matches!(byte, b'+' | b'-'),
            other => byte == other,
        })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_time_is_rfc_3339_of_a_sensible_year() {
        let table = [
            ("2026-05-04T09:30:00Z", Some(1_777_887_000_000)),
            ("2026-05-04T11:30:00+02:00", Some(1_777_887_000_000)),
            ("2026-05-04t09:30:00.25z", Some(1_777_887_000_250)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-05-04T09:30:00.123456789012Z", Some(1_777_887_000_123)),
            ("2026-05-04T11:30:00.1234567890+02:00", Some(1_777_887_000_123)),
            ("2026-05-05T09:29:00+23:59", Some(1_777_887_000_000)),
            ("2026-05-04T09:30:00+24:00", None),
            ("2026-05-04T09:30:00+25:00", None),
            ("2026-05-04T09:30:00-01:60", None),
            ("2026-05-04T09:30:00..1Z", None),
            ("2026-05-04T09:30:00.1.Z", None),
            ("2100-12-31T23:59:59Z", Some(4_133_980_799_000)),
            ("1969-12-31T23:59:59Z", None),
            ("2101-01-01T00:00:00Z", None),
            ("0024-05-04T09:30:00Z", None),
            ("2026-02-30T09:30:00Z", None),
            ("2026-05-04T25:30:00Z", None),
            ("2026-05-04T09:30:00", None),
            ("2026-05-04 09:30:00Z", None),
            ("2026-05-04", None),
            ("2026-05-04T09:30Z", None),
            ("2026-05-04T09:30:00.Z", None),
            ("2026-05-04T09:30:00+0200", None),
            ("2026-05-04T09:30:00Z[UTC]", None),
            ("+002026-05-04T09:30:00Z", None),
            ("04.05.2026", None),
            ("", None),
        ];
        for (text, milliseconds) in table {
            assert_eq!(read(text).ok().map(jiff::Timestamp::as_millisecond), milliseconds, "{text}");
        }
    }
}
