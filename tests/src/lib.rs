//! End to end, delivery and crash tests of Hark on both logs.
