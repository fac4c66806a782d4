//! End to end, delivery and crash tests of Hark on both logs.
//!
//! The library holds what those tests, and the tests of the crates themselves, stand on: a real Kafka ([`kafka`]), the `hark`
//! program as a process ([`program`]), a client of its webhooks ([`http`]), a web server to be asked ([`web`]), numbers by seed ([`random`]), and waiting for a
//! condition ([`deadline`]). It depends on the standard library only, because `hark-log` uses it too.

pub mod deadline;
pub mod http;
pub mod kafka;
pub mod program;
pub mod random;
pub mod web;
