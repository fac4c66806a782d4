//! One configuration at work on mentions, with nothing but memory behind it.

use std::sync::Arc;

use hark_rules::{Decision, Facts, Router};
use hark_schema::v1::{Mention, Op, RawPost};

use crate::{
    config::{Config, NO_MATCH},
    judge::{Judge, Working},
};

/// Routes mentions one after the other, as they lie on the log.
pub(super) struct Side {
    router: Arc<Router>,
    /// Where its subjects or voices are not those that the mentions were judged by.
    anew: Option<Anew>,
}

struct Anew {
    judge: Judge,
    owned: std::collections::HashSet<String>,
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

impl Side {
    /// The configuration in use: mentions are as they were judged.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { router: config.router()?, anew: None })
    }

    /// Another configuration than the one in use. Where it listens for something else, subjects and voices are looked for
    /// anew; language, sentiment and intents are the mention's.
    pub fn trying(config: &Config, in_use: &Config) -> anyhow::Result<Self> {
        let anew = if listens_alike(config, in_use) {
            None
        } else {
            let owned = crate::stages::in_force::owned_sources(config);
            Some(Anew { judge: Judge::new(config)?, owned, working: Working::default() })
        };
        Ok(Self { router: config.router()?, anew })
    }

    /// What becomes of a mention, by what became of those before it.
    pub fn place(&mut self, mention: &Mention, post: &RawPost) -> Placed {
        if mention.op() == Op::Delete {
            return nowhere(Place::Gone);
        }
        let Some(Anew { judge, owned, working }) = &mut self.anew else { return self.decide(mention, post) };
        let mut mention = mention.clone();
        let found = judge.listen_anew(&mut mention, post, working);
        let source = post.r#ref.as_ref().map_or("", |reference| reference.source.as_str());
        if !found && !owned.contains(source) {
            return nowhere(Place::Dropped(NO_MATCH.to_owned()));
        }
        self.decide(&mention, post)
    }

    fn decide(&self, mention: &Mention, post: &RawPost) -> Placed {
        placed(self.router.decide(&Facts::new(mention, post)))
    }
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
