//! hark-sources
