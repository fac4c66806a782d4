//! hark
fn main() {}
