//! What is remembered of a mention's thread and author when it is decided.

/// What route remembers. Nothing by default, as for the first post of a thread by an unknown author.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Who owns the thread by what other mentions brought about; this one's own claim does not bind it.
    pub owner: Option<Owner>,
    /// Another mention of the thread has an open item.
    pub other_open_item: bool,
    /// When another mention of the thread last was an item of a team that pitches, in milliseconds since 1970.
    pub thread_pitched_ms: Option<i64>,
    /// When another mention by the author last was, in milliseconds since 1970.
    pub author_pitched_ms: Option<i64>,
    /// This mention was itself an item of a team that pitches, whether it still is or not.
    pub pitched_itself: bool,
    /// The time to take where the post does not say when it was heard, in milliseconds since 1970.
    pub now_ms: Option<i64>,
}

/// Nothing is remembered.
pub(crate) static NOTHING: Memory = Memory {
    owner: None,
    other_open_item: false,
    thread_pitched_ms: None,
    author_pitched_ms: None,
    pitched_itself: false,
    now_ms: None,
};

/// Who has a thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    /// A team; one that the configuration no longer has owns nothing.
    pub team: String,
    /// One of its people; empty for nobody in particular.
    pub person: String,
}
