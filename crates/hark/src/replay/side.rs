//! One configuration at work on mentions, with nothing but memory behind it.

use std::{collections::HashMap, collections::HashSet, sync::Arc};

use hark_rules::{Decision, Router};
use hark_schema::{
    Message,
    id::Id,
    v1::{ItemState, Mention, Op, Pitch, RawPost, ThreadState},
};

use crate::{
    config::{Config, NO_MATCH},
    judge::{Judge, Working},
    stages::{
        in_force::owned_sources,
        memory::{InThread, contact_key},
        route::{Known, forget, is_open, step},
    },
};

/// Routes mentions one after the other, as they lie on the log.
pub(super) struct Side {
    router: Arc<Router>,
    /// Where its subjects or voices are not those that the mentions were judged by.
    anew: Option<Anew>,
    items: Memory,
    threads: Memory,
    contacts: HashMap<String, Pitch>,
}

/// States by id, encoded: there may be millions.
#[derive(Default)]
struct Memory(HashMap<Id, Box<[u8]>>);

struct Anew {
    judge: Judge,
    owned: HashSet<String>,
    working: Working,
}

/// What becomes of a mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub place: Place,
    pub rule: String,
    pub priority: u32,
    pub respond_by_ms: Option<i64>,
    pub tags: Vec<String>,
    pub copies: Vec<String>,
    pub person: Option<String>,
}

/// Where a mention is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Team(String),
    /// For this reason.
    Dropped(String),
    /// Its post was deleted.
    Gone,
}

/// A mention as it comes from the log.
pub(super) struct Read<'a> {
    pub id: Id,
    pub mention: &'a Mention,
    pub post: &'a RawPost,
    /// Of the record, in milliseconds since 1970.
    pub timestamp_ms: i64,
}

impl Side {
    /// The configuration in use: mentions are as they were judged.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        Self::new(config, None)
    }

    /// Another configuration than the one in use. Where it listens for something else, subjects and voices are looked for
    /// anew; language, sentiment and intents are the mention's.
    pub fn trying(config: &Config, in_use: &Config) -> anyhow::Result<Self> {
        let anew = if listens_alike(config, in_use) {
            None
        } else {
            let owned = owned_sources(config);
            Some(Anew { judge: Judge::new(config)?, owned, working: Working::default() })
        };
        Self::new(config, anew)
    }

    fn new(config: &Config, anew: Option<Anew>) -> anyhow::Result<Self> {
        let router = config.router()?;
        Ok(Self {
            router,
            anew,
            items: Memory::default(),
            threads: Memory::default(),
            contacts: HashMap::new(),
        })
    }

    /// What becomes of a mention, by what became of those before it.
    pub fn place(&mut self, read: &Read<'_>) -> Placed {
        if read.mention.op() == Op::Delete {
            self.delete(read);
            return nowhere(Place::Gone);
        }
        let Some(Anew { judge, owned, working }) = &mut self.anew else { return self.decide(read) };
        let mut mention = read.mention.clone();
        let found = judge.listen_anew(&mut mention, read.post, working);
        let source = read.post.r#ref.as_ref().map_or("", |reference| reference.source.as_str());
        if !found && !owned.contains(source) {
            // Enrich would have ended it.
            self.delete(read);
            return nowhere(Place::Dropped(NO_MATCH.to_owned()));
        }
        self.decide(&Read { mention: &mention, ..*read })
    }

    fn decide(&mut self, read: &Read<'_>) -> Placed {
        let in_thread = in_thread(read);
        let item: ItemState = self.items.get(in_thread.mention_id);
        let thread: ThreadState = self.threads.get(in_thread.thread_id);
        let contact_key = contact_key(read.post);
        let contact = contact_key.as_ref().and_then(|key| self.contacts.get(key));
        let known = Known { item: &item, thread: &thread, contact, now_ms: read.timestamp_ms };
        let next = step(&self.router, in_thread, read.mention, read.post, &known);
        // As in route: what is dropped and was nowhere leaves nothing behind.
        if next.decision.drop_reason.is_none() || is_open(&item) {
            self.items.put(in_thread.mention_id, &next.item);
            self.threads.put(in_thread.thread_id, &next.thread);
        }
        if let Some((key, pitch)) = contact_key.zip(next.pitch) {
            self.contacts.insert(key, pitch);
        }
        placed(next.decision)
    }

    fn delete(&mut self, read: &Read<'_>) {
        let in_thread = in_thread(read);
        let item: ItemState = self.items.get(in_thread.mention_id);
        if is_open(&item) {
            let (item, thread) = forget(in_thread, &item, &self.threads.get(in_thread.thread_id));
            self.items.put(in_thread.mention_id, &item);
            self.threads.put(in_thread.thread_id, &thread);
        }
    }
}

impl Memory {
    fn get<T: Message + Default>(&self, id: Id) -> T {
        // What was put there can be read.
        self.0.get(&id).and_then(|bytes| T::decode(&**bytes).ok()).unwrap_or_default()
    }

    fn put(&mut self, id: Id, state: &impl Message) {
        self.0.insert(id, state.encode_to_vec().into_boxed_slice());
    }
}

fn in_thread(read: &Read<'_>) -> InThread {
    let thread_id = read.mention.thread_id.parse().unwrap_or(read.id);
    InThread { mention_id: read.id, thread_id }
}

/// Whether two configurations hear the same in a post.
pub(super) fn listens_alike(one: &Config, other: &Config) -> bool {
    one.subjects == other.subjects && one.voices == other.voices
}

fn placed(decision: Decision<'_>) -> Placed {
    let place = match (decision.team, decision.drop_reason) {
        (Some(team), _) => Place::Team(team.to_owned()),
        (None, reason) => Place::Dropped(reason.unwrap_or_default().to_owned()),
    };
    Placed {
        place,
        rule: decision.trace.rule,
        priority: decision.priority,
        respond_by_ms: decision.respond_by_ms,
        tags: decision.tags,
        copies: decision.copies.into_iter().map(str::to_owned).collect(),
        person: decision.person,
    }
}

fn nowhere(place: Place) -> Placed {
    Placed {
        place,
        rule: String::new(),
        priority: 0,
        respond_by_ms: None,
        tags: Vec::new(),
        copies: Vec::new(),
        person: None,
    }
}
