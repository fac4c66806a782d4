//! What becomes of a post by what is known of it: the table of DESIGN, as a function.

use hark_schema::v1::{Op, Seen, SeenStatus};

/// So many fingerprints are kept: a retry of one of the last versions is told from news.
const FINGERPRINTS: usize = 4;

/// What a post says about itself.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    pub op: Op,
    pub revision: Option<u64>,
    /// Of text, title, rating and visibility.
    pub fingerprint: u64,
    /// It speaks of a subject, or its source keeps every post.
    pub matches: bool,
}

/// What goes out, and what is remembered.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Publish a mention with this op; remember.
    Emit(Op, Seen),
    /// The mention ends because its post speaks of no subject any more; remember.
    Withdraw(Seen),
    /// The reason; what is to be remembered, if it changes.
    Drop(&'static str, Option<Seen>),
}

/// The table. `Seen.thread_id` is passed on as it is; the caller sets it for what is new.
pub fn decide(known: Option<&Seen>, said: Said) -> Step {
    let status = known.map(Seen::status);
    match (status, said.op) {
        (None | Some(SeenStatus::Unspecified), Op::Delete) => {
            let gone = Seen {
                status: SeenStatus::Deleted.into(),
                unknown: true,
                revision: said.revision,
                ..Seen::default()
            };
            Step::Drop("unknown", Some(gone))
        }
        (None | Some(SeenStatus::Unspecified), _) => create(None, said, None),
        (Some(SeenStatus::Live), Op::Delete) => {
            Step::Emit(Op::Delete, ended(known, said, SeenStatus::Deleted))
        }
        (Some(SeenStatus::Live), _) => match stale_or_repeat(known, said) {
            Some(reason) => Step::Drop(reason, caught_up(known, said)),
            None if said.matches => Step::Emit(Op::Edit, live(known, said)),
            None => Step::Withdraw(Seen { status: SeenStatus::Withdrawn.into(), ..live(known, said) }),
        },
        (Some(SeenStatus::Withdrawn), Op::Delete) => {
            Step::Drop("withdrawn", Some(ended(known, said, SeenStatus::Deleted)))
        }
        (Some(SeenStatus::Withdrawn), Op::Restore) => create(known, said, caught_up(known, said)),
        (Some(SeenStatus::Withdrawn), _) => match stale_or_repeat(known, said) {
            Some(reason) => Step::Drop(reason, caught_up(known, said)),
            None => create(known, said, caught_up(known, said)),
        },
        (Some(SeenStatus::Deleted), Op::Delete) => Step::Drop("repeat", None),
        (Some(SeenStatus::Deleted), Op::Restore) => {
            // Not `unknown` any more: the post is there, and an edit may bring it into sight.
            let withdrawn = Seen { status: SeenStatus::Withdrawn.into(), ..live(known, said) };
            create(known, said, Some(withdrawn))
        }
        (Some(SeenStatus::Deleted), _) => Step::Drop("deleted", None),
    }
}

fn create(known: Option<&Seen>, said: Said, if_unmatched: Option<Seen>) -> Step {
    if said.matches {
        Step::Emit(Op::Create, live(known, said))
    } else {
        Step::Drop("no_match", if_unmatched)
    }
}

/// Older than what is known, or known content. A newer revision is compared with the latest content only: going back to an
/// earlier wording is news. Without a revision a retry of any recent version is a repeat.
fn stale_or_repeat(known: Option<&Seen>, said: Said) -> Option<&'static str> {
    let known = known?;
    let newer = match (known.revision, said.revision) {
        (Some(known), Some(said)) if said < known => return Some("stale"),
        (Some(known), Some(said)) => said > known,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let compared = if newer { known.fingerprints.get(..1).unwrap_or_default() } else { &known.fingerprints };
    compared.contains(&said.fingerprint).then_some("repeat")
}

/// What is known, with a newer revision that brought nothing about: one before it that comes late is stale. `None` where it is not
/// newer.
fn caught_up(known: Option<&Seen>, said: Said) -> Option<Seen> {
    let known = known.filter(|known| said.revision > known.revision)?;
    Some(Seen { revision: said.revision, ..known.clone() })
}

fn live(known: Option<&Seen>, said: Said) -> Seen {
    let earlier = known.map(|known| known.fingerprints.as_slice()).unwrap_or_default();
    let fingerprints = std::iter::once(said.fingerprint)
        .chain(earlier.iter().copied().filter(|&earlier| earlier != said.fingerprint))
        .take(FINGERPRINTS)
        .collect();
    Seen {
        status: SeenStatus::Live.into(),
        revision: said.revision.max(known.and_then(|known| known.revision)),
        fingerprints,
        thread_id: known.map(|known| known.thread_id.clone()).unwrap_or_default(),
        unknown: false,
    }
}

fn ended(known: Option<&Seen>, said: Said, status: SeenStatus) -> Seen {
    let known = known.cloned().unwrap_or_default();
    Seen { status: status.into(), revision: said.revision.max(known.revision), ..known }
}
