//! Which dead letters are meant.

use std::time::Duration;

use clap::builder::PossibleValuesParser;

use super::letter::Letter;
use crate::{tail::ago, telemetry::metrics::rejections};

/// Letters that fit all that is said; all of them where nothing is.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which")]
pub struct Selection {
    /// Of this class, as docs/metrics.md explains them
    #[arg(long, value_name = "CLASS", value_parser = PossibleValuesParser::new(rejections().map(|reason| reason.name)))]
    class: Option<String>,
    /// Of this stage: ingest, enrich or route
    #[arg(long, value_name = "STAGE", value_parser = ["ingest", "enrich", "route"])]
    stage: Option<String>,
    /// Whose error contains these words
    #[arg(long, value_name = "WORDS")]
    reason: Option<String>,
    /// Written within this time, such as 2h or 3d
    #[arg(long, value_name = "AGO", value_parser = ago)]
    since: Option<Duration>,
    /// Written before that time
    #[arg(long, value_name = "AGO", value_parser = ago)]
    until: Option<Duration>,
}

impl Selection {
    /// Nothing is said.
    pub fn is_all(&self) -> bool {
        self.class.is_none()
            && self.stage.is_none()
            && self.reason.is_none()
            && self.since.is_none()
            && self.until.is_none()
    }

    /// Whether a letter is meant; `now_ms` is milliseconds since 1970.
    pub fn has(&self, letter: &Letter, now_ms: i64) -> bool {
        let age = Duration::from_millis(u64::try_from(now_ms - letter.written_ms).unwrap_or_default());
        let says = &letter.says;
        self.class.as_ref().is_none_or(|class| *class == says.class)
            && self.stage.as_ref().is_none_or(|stage| *stage == says.stage)
            && self.reason.as_ref().is_none_or(|words| says.error.contains(&**words))
            && self.since.is_none_or(|since| age <= since)
            && self.until.is_none_or(|until| age > until)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use hark_schema::v1::DeadLetter;

    use super::{super::letter::Place, *};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        selection: Selection,
    }

    #[test]
    fn letters_are_chosen_by_class_stage_reason_and_age() {
        let letter = Letter {
            place: Place { partition: 0, offset: 0 },
            written_ms: 0,
            says: DeadLetter {
                class: "undecodable".to_owned(),
                stage: "enrich".to_owned(),
                error: "invalid wire type value: 7".to_owned(),
                ..DeadLetter::default()
            },
        };
        for (arguments, meant) in [
            (&[][..], true),
            (&["--class", "undecodable", "--stage", "enrich"], true),
            (&["--class", "too_large"], false),
            (&["--stage", "route"], false),
            (&["--reason", "wire type"], true),
            (&["--reason", "utf-8"], false),
            // It is an hour old.
            (&["--since", "2h"], true),
            (&["--since", "30m"], false),
            (&["--until", "30m"], true),
            (&["--until", "2h"], false),
            (&["--since", "2h", "--until", "30m", "--class", "undecodable"], true),
        ] {
            let line = Line::parse_from([&["hark"], arguments].concat());
            assert_eq!(line.selection.has(&letter, 3_600_000), meant, "{arguments:?}");
            assert_eq!(line.selection.is_all(), arguments.is_empty());
        }
        assert!(Line::try_parse_from(["hark", "--stage", "enrch"]).is_err());
        assert!(Line::try_parse_from(["hark", "--since", "yesterday"]).is_err());
    }
}
