//! The whole program as its users run it: processes, files, HTTP, and both logs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bad_input;
mod broker;
mod crash;
mod dead_letters;
mod disk;
mod documents;
mod feeds;
mod files;
mod future;
mod hostile;
mod hostile_bodies;
mod lag;
mod prometheus;
mod redrive;
mod reload;
mod replay;
mod rules;
mod scene;
mod secure;
mod security;
mod threads;
mod upgrade;
mod webhook;
mod workers;

use hark_tests::http;
