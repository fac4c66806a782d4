//! What route remembers of threads and of the people who were offered something: from state to what the rules ask for,
//! and from a decision to the next state. Pure.

use hark_rules::{Decision, Memory, Owner};
use hark_schema::{
    id::Id,
    v1::{ItemState, ItemStatus, Pitch, RawPost, ThreadClaim, ThreadState},
};

use crate::judge::fold_handle;

/// So many claims of a thread are kept: an edit of the newest leaves the one before it in force.
const CLAIMS: usize = 4;

/// One mention in its thread.
#[derive(Clone, Copy, Debug)]
pub struct InThread {
    pub mention_id: Id,
    pub thread_id: Id,
}

impl InThread {
    fn made(self, claim: &ThreadClaim) -> bool {
        claim.mention_id == self.claim_id()
    }

    /// As claims name their mention.
    fn claim_id(self) -> Vec<u8> {
        if self.mention_id == self.thread_id { Vec::new() } else { self.mention_id.as_bytes().to_vec() }
    }

    fn is_own(self, pitch: &Pitch) -> bool {
        pitch.mention_id == self.mention_id.as_bytes()
    }
}

/// What the rules are told. Whatever the mention itself brought about is left out: it binds others, and not its own
/// edits.
pub fn recall(
    mention: InThread,
    item: &ItemState,
    thread: &ThreadState,
    contact: Option<&Pitch>,
    now_ms: i64,
) -> Memory {
    let owner = thread.claims.iter().rev().find(|claim| !mention.made(claim));
    let others =
        |pitch: Option<&Pitch>| pitch.filter(|pitch| !mention.is_own(pitch)).map(|pitch| pitch.at_ms);
    let own = thread.pitch.iter().chain(contact).any(|pitch| mention.is_own(pitch));
    Memory {
        owner: owner.map(|claim| Owner { team: claim.team.clone(), person: claim.person.clone() }),
        other_open_item: thread.open_items > u32::from(is_open(item)),
        thread_pitched_ms: others(thread.pitch.as_ref()),
        author_pitched_ms: others(contact),
        pitched_itself: item.pitched || own,
        now_ms: Some(now_ms),
    }
}

/// The thread after a decision; `decision` is `None` for a deletion, `before` and `after` are the mention's own state.
pub fn follow(
    mention: InThread,
    thread: &ThreadState,
    before: &ItemState,
    after: &ItemState,
    decision: Option<&Decision<'_>>,
    pitch: Option<&Pitch>,
) -> ThreadState {
    let mut next = thread.clone();
    next.open_items = thread
        .open_items
        .saturating_sub(u32::from(is_open(before)))
        .saturating_add(u32::from(is_open(after)));
    if let Some(pitch) = pitch {
        next.pitch = Some(pitch.clone());
    }
    if let Some(decision) = decision
        && let Some(owner) = decision.owner
    {
        next.claims.retain(|claim| !mention.made(claim));
        let last = next.claims.last();
        // While a deputy stands in, the person who has the thread stays the same.
        let stood_in = decision.team != Some(owner);
        let person = match last {
            Some(last) if stood_in && last.team == owner => last.person.clone(),
            _ if stood_in => String::new(),
            _ => decision.person.clone().unwrap_or_default(),
        };
        if last.is_none_or(|last| last.team != owner || last.person != person) {
            next.claims.push(ThreadClaim { mention_id: mention.claim_id(), team: owner.to_owned(), person });
        }
        let surplus = next.claims.len().saturating_sub(CLAIMS);
        next.claims.drain(..surplus);
    }
    next
}

/// The thread of a mention that began it and has been alone in it.
pub fn begun_by(item: &ItemState) -> ThreadState {
    let Some(work) = item.item.as_ref().filter(|_| is_open(item)) else { return ThreadState::default() };
    let claim = ThreadClaim { mention_id: Vec::new(), team: work.team.clone(), person: work.person.clone() };
    ThreadState { claims: vec![claim], open_items: 1, pitch: None }
}

fn is_open(item: &ItemState) -> bool {
    item.item.as_ref().is_some_and(|work| work.status() == ItemStatus::Open)
}

/// The key of the author in `hark.contacts`: derived from source, instance and the account's id, else its folded handle;
/// `None` where the post names no account. A digest, so that the topic holds no names.
pub fn contact_key(post: &RawPost) -> Option<String> {
    let (author, reference) = (post.author.as_ref()?, post.r#ref.as_ref()?);
    let (kind, account) = match author.id.as_str() {
        "" => ("handle", fold_handle(&author.handle)),
        id => ("id", id.to_owned()),
    };
    let parts = [&reference.source, &reference.instance, kind, &account].map(|part: &str| part.as_bytes());
    (!account.is_empty()).then(|| Id::of(&parts).to_string())
}
