//! Posts made of posts: thinned out, or the beginning of one and the end of another. A model that adds up words learns from what the
//! teacher says of them what each word adds, which few posts of real people tell apart.

use std::collections::{BTreeMap, HashSet};

use crate::{
    data::{CORPUS, EVERYDAY, TagExample},
    linear::Random,
    tags::HELD_OUT,
};

/// Name of their set.
pub const MIXED: &str = "mixed";

/// The teacher is so many models, each trained on the texts of the other folds. A mixed post is made of posts of one.
pub const FOLDS: u32 = 3;

/// How often each post of the corpus is thinned out, and how often joined with another.
const TIMES: usize = 2;

/// Words that a mixed post has at most.
const MOST_WORDS: usize = 80;

/// Mixed posts of the corpus. Those of a post depend on it and on posts before it alone, so that the teacher's answers about them stay
/// of use when posts are added at the end.
pub fn mixed(examples: &[TagExample]) -> Vec<TagExample> {
    let mut groups: BTreeMap<_, Vec<&TagExample>> = BTreeMap::new();
    for post in examples.iter().filter(|example| [CORPUS, EVERYDAY].contains(&&*example.set)) {
        // Posts that are held out for calibration are mixed with one another only.
        let held = post.origin.is_multiple_of(HELD_OUT);
        groups.entry((&post.set, &post.language, post.origin % FOLDS, held)).or_default().push(post);
    }
    let mut seen: HashSet<String> = examples.iter().map(|example| example.text.clone()).collect();
    let mut mixed = Vec::new();
    for posts in groups.values() {
        for (index, post) in posts.iter().enumerate() {
            let mut random = Random(u64::from(post.origin) + 1);
            for _ in 0..if post.set == CORPUS { TIMES } else { 1 } {
                let thinned = thinned(&post.text, &posts[..index], &mut random);
                let joined = index.checked_sub(1).map(|last| {
                    let other = posts[random.below(last + 1)];
                    if random.below(2) == 0 {
                        joined(&post.text, &other.text, &mut random)
                    } else {
                        joined(&other.text, &post.text, &mut random)
                    }
                });
                for text in [Some(thinned), joined].into_iter().flatten() {
                    if !text.is_empty() && seen.insert(text.clone()) {
                        let example = TagExample::unlabelled(MIXED, &post.language, &text);
                        mixed.push(TagExample { origin: post.origin, ..example });
                    }
                }
            }
        }
    }
    mixed
}

/// The text without some of its words, or with words of other posts in their place.
fn thinned(text: &str, others: &[&TagExample], random: &mut Random) -> String {
    let percent = [12, 25, 40][random.below(3)];
    let mut kept = Vec::new();
    for word in text.split_whitespace().take(MOST_WORDS) {
        if random.below(100) >= percent {
            kept.push(word);
        } else if random.below(2) == 0 && !others.is_empty() {
            let words: Vec<&str> = others[random.below(others.len())].text.split_whitespace().collect();
            kept.extend(words.get(random.below(words.len().max(1))));
        }
    }
    kept.join(" ")
}

/// The beginning of one and the end of the other, most times whole clauses.
fn joined(one: &str, other: &str, random: &mut Random) -> String {
    let (one, other): (Vec<&str>, Vec<&str>) =
        (one.split_whitespace().collect(), other.split_whitespace().collect());
    let (head, tail) = (cut(&one, random), cut(&other, random));
    let words: Vec<&str> = one[..head].iter().chain(&other[tail..]).copied().take(MOST_WORDS).collect();
    words.join(" ")
}

/// Where to cut: after a mark if there is one, most times.
fn cut(words: &[&str], random: &mut Random) -> usize {
    let marked = |at: &usize| words[at - 1].ends_with(['.', ',', '!', '?', ';', ':', '…']);
    let mut places: Vec<usize> = (1..words.len()).filter(marked).collect();
    if random.below(10) < 3 || places.is_empty() {
        places = (1..words.len()).collect();
    }
    places.get(random.below(places.len().max(1))).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Attitude;

    fn post(text: &str) -> TagExample {
        TagExample { attitude: Attitude::Is(0), ..TagExample::unlabelled(CORPUS, "en", text) }
    }

    fn posts(count: u32) -> Vec<TagExample> {
        let all =
            (0..count).map(|at| post(&format!("The {at} trams were late, again and again! Why the {at}?")));
        all.collect()
    }

    #[test]
    fn posts_added_at_the_end_leave_those_before_as_they_were() {
        let texts =
            |count| -> HashSet<String> { mixed(&posts(count)).into_iter().map(|post| post.text).collect() };
        let (few, many) = (texts(50), texts(60));
        assert!(few.len() > 100, "{}", few.len());
        assert!(few.is_subset(&many));
    }

    #[test]
    fn nothing_known_of_a_post_is_known_of_what_is_made_of_it_and_no_fold_is_mixed_with_another() {
        let posts = posts(60);
        let of = |text: &str| -> HashSet<(u32, bool)> {
            let numbers =
                text.split_whitespace().filter_map(|word| word.trim_end_matches('?').parse::<usize>().ok());
            numbers
                .map(|at| posts[at].origin)
                .map(|origin| (origin % FOLDS, origin.is_multiple_of(HELD_OUT)))
                .collect()
        };
        for post in mixed(&posts) {
            assert_eq!((post.attitude, post.intents), (Attitude::Unknown, [None; 8]));
            let folds = of(&post.text);
            assert!(folds.len() <= 1, "{}: {folds:?}", post.text);
            let origin = (post.origin % FOLDS, post.origin.is_multiple_of(HELD_OUT));
            assert!(folds.iter().all(|fold| *fold == origin), "{}", post.text);
        }
    }

    #[test]
    fn two_posts_are_joined_at_their_marks_most_times() {
        let mut random = Random(1);
        let texts: Vec<_> =
            (0..20).map(|_| joined("Lost my bag, twice", "No help. None", &mut random)).collect();
        let whole = texts.iter().filter(|text| *text == "Lost my bag, None").count();
        assert!(whole >= 8, "{texts:?}");
        assert_eq!(joined("one", "other", &mut random), "other", "a word has no beginning and end");
        assert_eq!(joined("", "", &mut random), "");
    }
}
