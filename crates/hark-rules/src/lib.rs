//! Routing rules: which team gets a mention, with which priority and tags, and why. No I/O, no clock: the same
//! mention and the same rules give the same decision, today and in a replay.
//!
//! One decision a reader may question: conditions are a structure and not an expression language. A structure can be
//! indexed, checked for spelling with line and column, and explained ("intent was complaint, not purchase").
//!
//! ```
//! use hark_rules::{Facts, Known, Router, Routing};
//! use hark_schema::v1::{Intent, Mention, RawPost};
//!
//! let routing = Routing::from_yaml(
//!     "teams: {sales: {}, triage: {}}
//! rules: [{name: a buyer, when: {intent: purchase}, to: sales, priority: 2}]
//! default: {to: triage}",
//! )?;
//! let router = Router::new(&routing, &Known::default())?;
//! let intents = vec![Intent { name: "purchase".into(), confidence: 0.9, evidence: vec![] }];
//! let mention = Mention { intents, ..Mention::default() };
//! let decision = router.decide(&Facts::new(&mention, &RawPost::default()));
//! assert_eq!((decision.team, decision.priority), (Some("sales"), 2));
//! # Ok::<(), Vec<hark_rules::Problem>>(())
//! ```

pub mod document;
pub mod gate;
pub mod problem;
pub mod read;
pub mod vocabulary;

mod assign;
mod away;
mod branch;
mod calendar;
mod condition;
mod cover;
mod facts;
mod fold;
mod ical;
mod index;
mod leaf;
mod memory;
mod names;
mod people;
mod router;
mod routing;
mod target;
mod team;
mod theme;
mod timing;
mod unused;

pub use condition::Failure;
pub use facts::Facts;
pub use memory::{Memory, Owner};
pub use problem::{Location, Problem};
pub use router::{Decision, PRAISED, Router, USUAL_PRIORITY, Verdict};
pub use routing::{DEFAULT, Known, Routing};
pub use team::Team;
