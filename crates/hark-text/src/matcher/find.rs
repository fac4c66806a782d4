//! The search itself.

use super::{
    End, Match, Matcher, NONE, ROOT, Role, Scratch, Written, edge_key,
    place::{Chunk, Place, keeps_together},
    spelling::{Letters, ending_after},
};
use crate::fold::{Piece, Pieces};

/// A context word that stands in the post.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    end: End,
    from: usize,
    to: usize,
}

impl Matcher {
    /// Puts every match in `text` into `found`, which is emptied first: by position, the longer first; within a subject
    /// no two overlap. Linear in the length of the text, and without allocation once `scratch` and `found` have grown.
    pub fn find(&self, text: &str, scratch: &mut Scratch, found: &mut Vec<Match>) {
        found.clear();
        scratch.contexts.clear();
        let mut chunk = Chunk::default();
        let letters = Letters::of(text);
        for piece in Pieces::new(text) {
            if self.filter.may_hold(piece.hash) && self.edges.contains_key(&edge_key(ROOT, piece.hash)) {
                chunk.around(text, piece.start);
                let place = chunk.place(text, piece.start);
                if place != Place::Dead {
                    let walk = Walk { text, letters: &letters, chunk: &chunk, place, first: piece.start };
                    self.follow(&walk, ROOT, piece, scratch, found);
                }
            }
        }
        if found.is_empty() {
            return;
        }
        self.apply_contexts(text, &scratch.contexts, found);
        keep_longest(found);
    }

    /// Goes on from `node` by the word `piece`. Recursion is as deep as the longest term, [`Matcher::MAX_WORDS`].
    fn follow(
        &self,
        walk: &Walk<'_>,
        node: u32,
        piece: Piece,
        scratch: &mut Scratch,
        found: &mut Vec<Match>,
    ) {
        let mut next = self.edges.get(&edge_key(node, piece.hash)).copied().unwrap_or(NONE);
        while next != NONE {
            let edge = self.targets[next as usize];
            next = edge.next;
            let target = &self.nodes[edge.node as usize];
            if node != ROOT && !keeps_together(walk.before(piece), target.joint, walk.place) {
                continue;
            }
            let alone = node == ROOT && walk.place == Place::Text;
            if !target.spelling.admits(&walk.text[piece.start..piece.end], alone, walk.letters) {
                continue;
            }
            for &end in &target.ends {
                walk.finish(end, piece.end, scratch, found);
            }
            if let Some(following) = Pieces::from(walk.text, piece.end).next() {
                self.follow(walk, edge.node, following, scratch, found);
            }
        }
    }

    /// Takes away the matches whose subject is not meant.
    fn apply_contexts(&self, text: &str, seen: &[Seen], found: &mut Vec<Match>) {
        found.retain(|hit| {
            let subject = &self.subjects[hit.subject];
            let said = |role: Role| {
                seen.iter()
                    .filter(move |seen| seen.end.role == role && seen.end.subject as usize == hit.subject)
            };
            let near =
                |seen: &Seen, near: Option<u32>| near.is_none_or(|words| within(text, seen, hit, words));
            let excluded =
                said(Role::Exclude).any(|seen| near(seen, subject.exclude[seen.end.index as usize].near));
            let required = subject.require.is_empty()
                || said(Role::Require).any(|seen| near(seen, subject.require[seen.end.index as usize].near));
            !excluded && required
        });
    }
}

/// Whether at most `words` words lie between a context and a match; those that overlap are near.
fn within(text: &str, seen: &Seen, hit: &Match, words: u32) -> bool {
    let (from, to) = if seen.to <= hit.start { (seen.to, hit.start) } else { (hit.end, seen.from) };
    if from >= to {
        return true;
    }
    let limit = words as usize;
    Pieces::new(&text[from..to]).take(limit + 1).count() <= limit
}

/// One term is being followed through a text.
struct Walk<'a> {
    text: &'a str,
    letters: &'a Letters<'a>,
    chunk: &'a Chunk,
    place: Place,
    first: usize,
}

impl Walk<'_> {
    /// What stands between a word and the one before it.
    fn before(&self, piece: Piece) -> &str {
        let start = self.text[..piece.start]
            .char_indices()
            .rev()
            .take_while(|(_, c)| crate::fold::class(*c) != crate::fold::Class::Letter)
            .last()
            .map_or(piece.start, |(at, _)| at);
        &self.text[start..piece.start]
    }

    fn finish(&self, end: End, to: usize, scratch: &mut Scratch, found: &mut Vec<Match>) {
        let Some(from) = self.chunk.whole_label(self.text, self.place, self.first, to) else { return };
        let fits = match end.kind {
            Written::Anywhere => true,
            Written::Handle => matches!(self.place, Place::Handle(_)),
            Written::Hashtag => matches!(self.place, Place::Hashtag(_)),
            Written::Label => self.place != Place::Text,
        };
        if !fits {
            return;
        }
        let to = if self.place == Place::Text { ending_after(self.text, to) } else { to };
        if end.role == Role::Term {
            let (subject, term) = (end.subject as usize, end.index as usize);
            found.push(Match { subject, term, start: from, end: to });
        } else {
            scratch.contexts.push(Seen { end, from, to });
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
