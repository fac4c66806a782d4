//! hark-train
fn main() {}
