//! Tags, handles and domain labels: the words of a term run together, in any of their forms.

use super::{
    Matcher, NONE, ROOT, edge_key,
    find::Walk,
    place::Place,
    spelling::{Setting, admits},
};
use crate::fold::{Class, Letters, class};

/// A longer label is no name: a bound on what a text of one long tag can cost.
const MAX_LABEL_BYTES: usize = 128;

impl Matcher {
    /// Looks for terms that are the whole label which begins at `walk.first`.
    pub(super) fn find_label(&self, walk: &mut Walk<'_, '_>) {
        let text = walk.text;
        let joints = walk.place.joints();
        let rest = &text[walk.first..];
        let length =
            rest.find(|c| class(c) == Class::Separator && !joints.contains(&c)).unwrap_or(rest.len());
        let label = rest[..length].trim_end_matches(|c| class(c) != Class::Letter && class(c) != Class::Mark);
        let end = walk.first + label.len();
        if label.len() <= MAX_LABEL_BYTES {
            self.take_apart(walk, ROOT, walk.first, end);
        }
        // A name may be a domain itself: "norrsken.se" is all of it, not a label.
        let host_end = walk.chunk.host_end();
        if walk.place == Place::Domain && (end + 1..=walk.first + MAX_LABEL_BYTES).contains(&host_end) {
            self.take_apart(walk, ROOT, walk.first, host_end);
        }
    }

    /// Goes on from `node` at byte `from` of a label that ends at `to`.
    fn take_apart(&self, walk: &mut Walk<'_, '_>, node: u32, from: usize, to: usize) {
        let text = walk.text;
        let from = from + text[from..to].find(|c| class(c) == Class::Letter).unwrap_or(to - from);
        let mut letters = Letters::new();
        let mut chars = text[from..to].char_indices().peekable();
        while let Some((_, c)) = chars.next() {
            match class(c) {
                Class::Separator => break,
                Class::Letter => letters.feed(c),
                Class::Mark | Class::Invisible => continue,
            }
            let hash = letters.hash();
            if node == ROOT && !self.filter.may_hold(hash) {
                continue;
            }
            // Marks belong to the letter before them.
            while chars.next_if(|(_, c)| matches!(class(*c), Class::Mark | Class::Invisible)).is_some() {}
            let end = chars.peek().map_or(to, |(at, _)| from + at);
            let mut next = self.edges.get(&edge_key(node, hash)).copied().unwrap_or(NONE);
            while next != NONE {
                let edge = self.targets[next as usize];
                next = edge.next;
                let target = &self.nodes[edge.node as usize];
                if !admits(&edge, target, &self.marked, text, from..end, Setting::Label, walk.hints) {
                    continue;
                }
                if end == to {
                    for &done in &target.ends {
                        walk.finish(done, to);
                    }
                } else {
                    self.take_apart(walk, edge.node, end, to);
                }
            }
        }
    }
}
