//! The stages on both logs.

mod bench;
mod cells;
mod remembered;
mod route;
