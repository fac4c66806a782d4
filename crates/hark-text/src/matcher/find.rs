//! The search itself.

use super::{
    End, Match, Matcher, NONE, Node, ROOT, Role, Scratch, Written, edge_key,
    hints::{Hints, TOLD, Told},
    place::{Chunk, Place, is_apostrophe, keeps_together},
    spelling::{Setting, admits, ending_after, is_described, is_small},
};
use crate::{
    Context, SubjectKind,
    fold::{Piece, Pieces},
};

/// A context word that stands in the post.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub end: End,
    pub from: usize,
    pub to: usize,
}

/// In a post of so few words the language may not show.
const FEW_WORDS: usize = 10;
/// The little words of a language are short.
const LITTLE_BYTES: usize = 4;

impl Matcher {
    /// Puts every match in `text` into `found`, which is emptied first: by position, the longer first; within a subject
    /// no two overlap. Linear in the length of the text, and without allocation once `scratch` and `found` have grown.
    pub fn find(&self, text: &str, scratch: &mut Scratch, found: &mut Vec<Match>) {
        found.clear();
        if self.targets.is_empty() {
            return;
        }
        scratch.contexts.clear();
        let mut chunk = Chunk::default();
        let hints = Hints::of(text);
        let Told { swedish: swedish_words, foreign: foreign_words } = &*TOLD;
        let (mut swedish, mut foreign) = (false, false);
        // All words first: what a filter says of one need not be waited for before the next is asked for.
        let mut pieces = std::mem::take(&mut scratch.pieces);
        pieces.clear();
        pieces.extend(Pieces::new(text));
        for &piece in &pieces {
            if piece.end - piece.start <= LITTLE_BYTES {
                swedish |= swedish_words.may_hold(piece.hash);
                foreign = foreign || foreign_words.may_hold(piece.hash);
            }
            let known =
                self.filter.may_hold(piece.hash) && self.edges.contains_key(&edge_key(ROOT, piece.hash));
            if !known && !begins_label(text.as_bytes(), piece) {
                continue;
            }
            chunk.around(text, piece.start);
            let place = chunk.place(text, piece.start);
            let first = piece.start;
            let mut walk =
                Walk { matcher: self, text, hints: &hints, chunk: &chunk, place, first, scratch, found };
            match place {
                Place::Dead => {}
                Place::Text if known => self.follow(&mut walk, ROOT, piece, piece.start),
                Place::Text => {}
                Place::Hashtag(_) | Place::Handle(_) | Place::Domain => self.find_label(&mut walk),
            }
        }
        // A list has no little words at all.
        if (swedish || !foreign || pieces.len() <= FEW_WORDS) && !self.compounds.is_empty() {
            self.find_compounds(text, &pieces, &hints, scratch, found);
        }
        scratch.pieces = pieces;
        if found.is_empty() {
            return;
        }
        self.apply_contexts(text, &mut scratch.contexts, found);
        keep_longest(found);
    }

    /// Goes on from `node` by the word `piece`; the word before it ends at `from`. Recursion is as deep as the longest
    /// term, [`Matcher::MAX_WORDS`].
    fn follow(&self, walk: &mut Walk<'_, '_>, node: u32, piece: Piece, from: usize) {
        let text = walk.text;
        let mut next = self.edges.get(&edge_key(node, piece.hash)).copied().unwrap_or(NONE);
        while next != NONE {
            let edge = self.targets[next as usize];
            next = edge.next;
            let target = &self.nodes[edge.node as usize];
            let joined = match node {
                // The sign before a number: `№5`.
                ROOT => target.joint.is_none_or(|sign| text[..piece.start].trim_end().ends_with(sign)),
                _ => keeps_together(&text[from..piece.start], target.joint, target.strict),
            };
            if !joined {
                continue;
            }
            let setting = if node == ROOT { Setting::First } else { Setting::Later };
            if !admits(&edge, target, &self.marked, text, piece.start..piece.end, setting, walk.hints)
                || !target.lone && walk.is_described(target, piece.end)
                || walk.is_word_behind_name(target, piece)
            {
                continue;
            }
            let with_ending = ending_after(text, piece.end, walk.hints);
            if with_ending > piece.end || !(target.inflected && edge.base) {
                for &end in &target.ends {
                    walk.finish(end, piece.end);
                }
                self.go_on(walk, edge.node, piece.end);
            }
            // An ending inside a phrase: "service-ul auto".
            if with_ending > piece.end {
                self.go_on(walk, edge.node, with_ending);
            }
            // An accent written as an apostrophe: "il Caffe' Lume".
            if !edge.ascii && text[piece.start..piece.end].is_ascii() {
                let accent = text[piece.end..].chars().next().filter(|c| is_apostrophe(*c));
                if let Some(accent) = accent {
                    self.go_on(walk, edge.node, piece.end + accent.len_utf8());
                }
            }
        }
    }

    fn go_on(&self, walk: &mut Walk<'_, '_>, node: u32, from: usize) {
        if let Some(following) = Pieces::from(walk.text, from).next() {
            self.follow(walk, node, following, from);
        }
    }

    /// Takes away the matches whose subject is not meant.
    fn apply_contexts(&self, text: &str, seen: &mut [Seen], found: &mut Vec<Match>) {
        let kind = |end: End| (end.subject, end.role == Role::Require, end.index);
        seen.sort_unstable_by_key(|seen| (kind(seen.end), seen.from));
        found.retain(|hit| {
            let subject = &self.subjects[hit.subject];
            // What stands nearest before and behind is near if anything is.
            let said = |(index, context): (usize, &Context), role: Role| {
                let end = (hit.subject as u32, role == Role::Require, index as u32);
                let first = seen.partition_point(|seen| kind(seen.end) < end);
                let seen = &seen[first..first + seen[first..].partition_point(|seen| kind(seen.end) == end)];
                let behind = seen.partition_point(|seen| seen.from < hit.start);
                let mut beside = seen[behind.saturating_sub(BESIDE)..].iter().take(2 * BESIDE);
                beside.any(|seen| context.near.is_none_or(|words| within(text, seen, hit, words)))
            };
            let excluded = subject.exclude.iter().enumerate().any(|context| said(context, Role::Exclude));
            let required = subject.require.is_empty()
                || subject.require.iter().enumerate().any(|context| said(context, Role::Require));
            !excluded && required
        });
    }
}

/// Contexts of a kind that may overlap each other before a match, and so many behind it, are looked at: phrases of the same words.
const BESIDE: usize = 4;

/// Whether at most `words` words lie between a context and a match; those that overlap are near.
fn within(text: &str, seen: &Seen, hit: &Match, words: u32) -> bool {
    let (from, to) = if seen.to <= hit.start { (seen.to, hit.start) } else { (hit.end, seen.from) };
    if from >= to {
        return true;
    }
    let limit = words as usize;
    Pieces::new(&text[from..to]).take(limit + 1).count() <= limit
}

/// Whether a word may begin a tag, a handle or a label of a host name: what is run together there is taken apart.
#[inline]
fn begins_label(bytes: &[u8], piece: Piece) -> bool {
    let before = piece.start.checked_sub(1).map_or(b' ', |before| bytes[before]);
    // The last bytes of full-width # and @ count as well.
    matches!(before, b'#' | b'@' | b'/' | b'.' | 0x83 | 0xa0)
        || bytes.get(piece.end) == Some(&b'.')
            && bytes.get(piece.end + 1).is_some_and(u8::is_ascii_alphanumeric)
}

/// One term is being followed through a text.
pub(super) struct Walk<'a, 's> {
    pub matcher: &'a Matcher,
    pub text: &'a str,
    pub hints: &'a Hints<'a>,
    pub chunk: &'a Chunk,
    pub place: Place,
    /// Where the first word begins.
    pub first: usize,
    pub scratch: &'s mut Scratch,
    pub found: &'s mut Vec<Match>,
}

impl Walk<'_, '_> {
    /// Whether what is found so far is no name but the words it is made of, as in "nowa huta szkła" for `Nowa Huta`.
    fn is_described(&self, node: &Node, to: usize) -> bool {
        let spoken = || {
            let sure = self.hints.sure_language();
            sure.is_empty() || node.noun.meets(sure)
        };
        !node.noun.is_empty()
            && self.place == Place::Text
            && is_described(node, self.text, self.first..to, self.hints)
            && spoken()
    }

    /// Whether a small letter after a capital tells that only the first name is one: "Eva rask i benen" for `Eva Rask`.
    fn is_word_behind_name(&self, node: &Node, piece: Piece) -> bool {
        let spoken = || {
            let language = self.hints.language();
            language.is_empty() || node.word.meets(language)
        };
        !node.word.is_empty()
            && self.place == Place::Text
            && is_small(&self.text[piece.start..piece.end])
            && self.text[self.first..].starts_with(char::is_uppercase)
            && spoken()
    }

    /// Whether a hyphen joins another name to that of a person, which makes somebody else of them: `Ana-Maria`, `Nowak-Kowalska`.
    fn is_part_of_name(&self, end: End, from: usize, to: usize) -> bool {
        let person = self.matcher.subjects[end.subject as usize].kind == SubjectKind::Person;
        let before = || {
            let before = self.text[..from].strip_suffix('-')?;
            before.rsplit(|c: char| !c.is_alphanumeric()).next()
        };
        let after = || self.text[to..].strip_prefix('-');
        let named = |word: Option<&str>| word.is_some_and(|word| word.starts_with(char::is_uppercase));
        person && (named(before()) || named(after()))
    }

    pub fn finish(&mut self, end: End, to: usize) {
        let Some(from) = self.chunk.whole_label(self.text, self.place, self.first, to) else { return };
        let fits = match end.kind {
            Written::Anywhere => true,
            Written::Handle => matches!(self.place, Place::Handle(_)),
            Written::Hashtag => matches!(self.place, Place::Hashtag(_)),
        };
        if !fits {
            return;
        }
        let (from, to) = match self.place {
            Place::Text => {
                let to = ending_after(self.text, to, self.hints);
                if end.role == Role::Term && self.is_part_of_name(end, from, to) {
                    return;
                }
                self.matcher.hyphenated(self.text, end, from, to, self.hints)
            }
            // A name that is a domain: "Norrsken.se's".
            Place::Domain if to == self.chunk.host_end() => (from, ending_after(self.text, to, self.hints)),
            _ => (from, to),
        };
        if end.role == Role::Term {
            let (subject, term) = (end.subject as usize, end.index as usize);
            self.found.push(Match { subject, term, start: from, end: to });
        } else {
            self.scratch.contexts.push(Seen { end, from, to });
        }
    }
}

/// Of a subject's overlapping matches the longest, then the first, stays; of equal spans the first term.
fn keep_longest(found: &mut Vec<Match>) {
    if found.len() > 1 {
        found.sort_unstable_by_key(|hit| (hit.subject, hit.start, std::cmp::Reverse(hit.end), hit.term));
        let mut kept: usize = 0;
        for index in 0..found.len() {
            let hit = found[index];
            let overlapped = kept
                .checked_sub(1)
                .map(|last| found[last])
                .filter(|last| last.subject == hit.subject && hit.start < last.end);
            match overlapped {
                Some(last) if hit.end - hit.start > last.end - last.start => found[kept - 1] = hit,
                Some(_) => {}
                None => {
                    found[kept] = hit;
                    kept += 1;
                }
            }
        }
        found.truncate(kept);
        found.sort_unstable_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end), hit.subject));
    }
}
