//! Which team gets which mention, and the reasons given.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by failing")]

use hark_rules::{Decision, Facts, Known, Router, Routing};
use hark_schema::v1::{self, Mention, RawPost, SentimentLabel, SubjectKind, Voice};

struct Case {
    mention: Mention,
    post: RawPost,
}

impl Case {
    fn new() -> Self {
        let mention = Mention { voice: Voice::Customer.into(), language: "en".into(), ..Mention::default() };
        let provenance = Some(v1::Provenance { connector: "webhook".into(), ..Default::default() });
        let reference = Some(v1::PostRef { source: "forum".into(), ..Default::default() });
        Self { mention, post: RawPost { r#ref: reference, provenance, ..RawPost::default() } }
    }

    fn intent(mut self, name: &str, confidence: f32) -> Self {
        self.mention.intents.push(v1::Intent { name: name.into(), confidence, evidence: vec![] });
        self
    }

    fn subject(mut self, name: &str, kind: SubjectKind, toward: Option<f32>) -> Self {
        self.mention.matches.push(v1::Match {
            subject: name.into(),
            kind: kind.into(),
            sentiment: toward.map(sentiment),
            ..Default::default()
        });
        self
    }

    fn sentiment(mut self, score: f32) -> Self {
        self.mention.sentiment = Some(sentiment(score));
        self
    }

    fn language(mut self, code: &str) -> Self {
        self.mention.language = code.into();
        self
    }

    fn source(mut self, name: &str, kind: &str) -> Self {
        self.post.r#ref = Some(v1::PostRef { source: name.into(), ..Default::default() });
        self.post.provenance = Some(v1::Provenance { connector: kind.into(), ..Default::default() });
        self
    }

    fn voice(mut self, voice: Voice) -> Self {
        self.mention.voice = voice.into();
        self
    }

    fn followers(mut self, followers: u64) -> Self {
        self.post.author = Some(v1::Author { followers: Some(followers), ..Default::default() });
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Mention, &mut RawPost)) -> Self {
        change(&mut self.mention, &mut self.post);
        self
    }

    fn text(self, text: &str) -> Self {
        self.with(|_, post| post.text = text.into())
    }

    fn author(self, change: impl FnOnce(&mut v1::Author)) -> Self {
        self.with(|_, post| change(post.author.get_or_insert_default()))
    }

    /// Written and heard at so many seconds.
    fn times(self, written: i64, heard: i64) -> Self {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        self.with(|_, post| (post.created_at, post.observed_at) = (at(written), at(heard)))
    }

    fn thread(self, root: &str, parent: &str) -> Self {
        let thread = v1::ThreadRef { root: root.into(), parent: parent.into() };
        self.with(|_, post| {
            post.thread = Some(thread);
            if let Some(reference) = &mut post.r#ref {
                reference.native_id = "17".into();
            }
        })
    }

    fn entity(self, kind: &str) -> Self {
        self.with(|mention, _| mention.entities.push(v1::Entity { kind: kind.into(), ..Default::default() }))
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(&self.mention, &self.post)
    }
}

fn sentiment(score: f32) -> v1::Sentiment {
    let label = match score {
        score if score < -0.25 => SentimentLabel::Negative,
        score if score > 0.25 => SentimentLabel::Positive,
        _ => SentimentLabel::Neutral,
    };
    v1::Sentiment { label: label.into(), score, ..Default::default() }
}

fn router(rules: &str) -> Router {
    let yaml = format!(
        "teams: {{sales: {{}}, support: {{}}, press: {{}}, triage: {{}}}}\ndefault: {{to: triage}}\nrules:\n{rules}\n"
    );
    let known = Known {
        subjects: vec![
            ("aurora".into(), SubjectKind::Own),
            ("rival".into(), SubjectKind::Competitor),
            ("garage".into(), SubjectKind::Topic),
        ],
        sources: vec!["forum".into(), "reviews".into()],
        ..Known::default()
    };
    Router::new(&Routing::from_yaml(&yaml).unwrap(), &known).unwrap()
}

fn routed(decision: &Decision<'_>) -> String {
    match (decision.team, decision.drop_reason) {
        (Some(team), None) => team.to_owned(),
        (None, Some(reason)) => format!("dropped: {reason}"),
        other => panic!("neither or both: {other:?}"),
    }
}

#[test]
fn each_condition_holds_for_what_it_names_and_for_nothing_else() {
    let own = SubjectKind::Own;
    let table: Vec<(&str, Vec<Case>, Vec<Case>)> = vec![
        (
            "{subject: aurora}",
            vec![Case::new().subject("aurora", own, None)],
            vec![
                Case::new(),
                Case::new().subject("rival", SubjectKind::Competitor, None),
                Case::new().subject("gone", own, None),
            ],
        ),
        (
            "{subject: [aurora, garage]}",
            vec![Case::new().subject("garage", SubjectKind::Topic, None)],
            vec![Case::new().subject("rival", SubjectKind::Competitor, None)],
        ),
        (
            "{subject_kind: competitor}",
            vec![Case::new().subject("rival", SubjectKind::Competitor, None)],
            vec![Case::new().subject("aurora", own, None)],
        ),
        (
            "{intent: purchase}",
            vec![
                Case::new().intent("purchase", 0.5),
                Case::new().intent("question", 0.9).intent("purchase", 0.5),
            ],
            vec![Case::new(), Case::new().intent("complaint", 0.9)],
        ),
        (
            "{intent: {name: purchase, min: 0.8}}",
            vec![Case::new().intent("purchase", 0.8)],
            vec![Case::new().intent("purchase", 0.79)],
        ),
        (
            "{intent: [{name: [purchase, churn], min: 0.8}, spam]}",
            vec![Case::new().intent("churn", 0.9), Case::new().intent("spam", 0.5)],
            vec![Case::new().intent("churn", 0.7)],
        ),
        (
            "{sentiment: negative}",
            vec![Case::new().sentiment(-0.9)],
            vec![Case::new(), Case::new().sentiment(0.0)],
        ),
        (
            "{sentiment: [negative, neutral]}",
            vec![Case::new().sentiment(0.0)],
            vec![Case::new().sentiment(0.9)],
        ),
        (
            "{sentiment: {score: {max: -0.5}}}",
            vec![Case::new().sentiment(-0.5)],
            vec![Case::new(), Case::new().sentiment(-0.4)],
        ),
        (
            "{sentiment: {label: negative, toward: aurora}}",
            vec![Case::new().sentiment(0.9).subject("aurora", own, Some(-0.9))],
            vec![
                Case::new().sentiment(-0.9).subject("aurora", own, None),
                Case::new().sentiment(-0.9).subject("aurora", own, Some(0.9)).subject(
                    "rival",
                    SubjectKind::Competitor,
                    Some(-0.9),
                ),
            ],
        ),
        (
            "{language: [pl, und]}",
            vec![Case::new().language("pl"), Case::new().language("und")],
            vec![Case::new()],
        ),
        ("{source: forum}", vec![Case::new()], vec![Case::new().source("reviews", "webhook")]),
        ("{source_kind: file}", vec![Case::new().source("reviews", "file")], vec![Case::new()]),
        (
            "{voice: [staff, own]}",
            vec![Case::new().voice(Voice::Staff), Case::new().voice(Voice::Own)],
            vec![Case::new()],
        ),
        (
            "{author_followers: {min: 5000}}",
            vec![Case::new().followers(5000)],
            vec![Case::new(), Case::new().followers(4999)],
        ),
        (
            "{author_followers: {min: 10, max: 20}}",
            vec![Case::new().followers(20)],
            vec![Case::new().followers(21), Case::new().followers(9)],
        ),
        (
            "{intent: complaint, language: pl}",
            vec![Case::new().intent("complaint", 0.9).language("pl")],
            vec![Case::new().intent("complaint", 0.9), Case::new().language("pl")],
        ),
        (
            "{any: [{intent: outrage}, {intent: complaint, author_followers: {min: 5000}}]}",
            vec![Case::new().intent("outrage", 0.9), Case::new().intent("complaint", 0.9).followers(9000)],
            vec![Case::new().intent("complaint", 0.9), Case::new().followers(9000)],
        ),
        (
            "{all: [{intent: question}, {not: {intent: spam}}]}",
            vec![Case::new().intent("question", 0.9)],
            vec![Case::new().intent("question", 0.9).intent("spam", 0.9), Case::new()],
        ),
        (
            "{not: [{intent: spam}, {voice: own}]}",
            vec![Case::new()],
            vec![Case::new().intent("spam", 0.9), Case::new().voice(Voice::Own)],
        ),
    ];
    for (when, yes, no) in table {
        let router = router(&format!("  - {{name: it, when: {when}, to: sales}}"));
        for (expected, cases) in [("sales", yes), ("triage", no)] {
            for case in cases {
                let decision = router.decide(&case.facts());
                assert_eq!(decision.team, Some(expected), "{when} {:?}", decision.trace);
                let verdicts = router.explain(&case.facts());
                assert_eq!(
                    verdicts[0].failure.is_none(),
                    expected == "sales",
                    "{when}: explain and decide differ"
                );
                if expected == "sales" {
                    assert_eq!(verdicts[0].held, decision.trace.held, "{when}");
                }
            }
        }
    }
}

#[test]
fn each_condition_on_author_place_and_text_holds_for_what_it_names_and_for_nothing_else() {
    let new = Case::new;
    let table: Vec<(&str, Vec<Case>, Vec<Case>)> = vec![
        (
            "{author_handle: ['@Jan.Nowak', rita]}",
            vec![
                new().author(|author| author.handle = "jan.nowak".into()),
                new().author(|author| author.handle = "@RITA".into()),
            ],
            vec![new(), new().author(|author| author.handle = "jan".into())],
        ),
        (
            "{author_verified: true}",
            vec![new().author(|author| author.verified = Some(true))],
            vec![new(), new().author(|author| author.verified = Some(false))],
        ),
        (
            "{author_bot: false}",
            vec![new(), new().author(|author| author.bot = Some(false))],
            vec![new().author(|author| author.bot = Some(true))],
        ),
        (
            "{reach: {min: 1000}}",
            vec![new().with(|mention, _| mention.reach = Some(1000))],
            vec![new(), new().with(|mention, _| mention.reach = Some(999))],
        ),
        (
            "{rating: {max: 2}}",
            vec![
                new().with(|_, post| post.rating = Some(1.0)),
                new().with(|_, post| post.rating = Some(2.0)),
            ],
            vec![new(), new().with(|_, post| post.rating = Some(2.5))],
        ),
        (
            "{age: {max: 2h}}",
            vec![new().times(0, 7_200), new().times(100, 0)],
            vec![new().times(0, 7_201), new()],
        ),
        (
            "{place: [Łódź Widzew, b-17]}",
            vec![
                new().with(|_, post| post.place = "łódź widzew".into()),
                new().with(|_, post| post.place = "B-17".into()),
            ],
            vec![new(), new().with(|_, post| post.place = "Łódź".into())],
        ),
        (
            "{visibility: [public, unlisted]}",
            vec![new(), new().with(|_, post| post.visibility = v1::Visibility::Unlisted.into())],
            vec![new().with(|_, post| post.visibility = v1::Visibility::Direct.into())],
        ),
        (
            "{is_reply: true}",
            vec![new().thread("3", ""), new().thread("", "5")],
            vec![new(), new().thread("17", "")],
        ),
        ("{entities: [person, money]}", vec![new().entity("money")], vec![new(), new().entity("phone")]),
        (
            "{text: [winter tyres, '50%']}",
            vec![
                new().text("Any WINTER\n tyres left?"),
                new().text("now 50% off"),
                new().with(|_, post| post.title = "Winter tyres".into()),
            ],
            vec![new(), new().text("winter tyresome"), new().text("midwinter tyres"), new().text("winter")],
        ),
        (
            "{matches: '(?i)order\\s+#?\\d{4,}'}",
            vec![new().text("my Order #12345 is late")],
            vec![new(), new().text("order 12")],
        ),
    ];
    for (when, yes, no) in table {
        let router = router(&format!("  - {{name: it, when: {when}, to: sales}}"));
        for (expected, cases) in [("sales", yes), ("triage", no)] {
            for case in cases {
                let decision = router.decide(&case.facts());
                assert_eq!(decision.team, Some(expected), "{when} {:?}", case.post);
            }
        }
    }
}

#[test]
fn what_was_seen_of_author_place_and_text_is_told() {
    for (when, case, expected) in [
        ("{age: {max: 2h}}", Case::new().times(0, 9_000), "age was 2h30m, not 2h or less"),
        ("{rating: {max: 2}}", Case::new(), "rating was unknown, not 2 or less"),
        ("{is_reply: true}", Case::new(), "is_reply was false, not true"),
        ("{text: tyres}", Case::new().text("brakes"), "nobody says tyres"),
        (
            "{author_handle: rita}",
            Case::new().author(|author| author.handle = "@jan".into()),
            "author_handle was @jan, not rita",
        ),
        ("{visibility: direct}", Case::new(), "visibility was public, not direct"),
    ] {
        let router = router(&format!("  - {{name: it, when: {when}, to: sales}}"));
        assert_eq!(router.explain(&case.facts())[0].failure.as_ref().unwrap().sentence, expected);
    }
    let router = router("  - {name: it, when: {text: [brakes, winter tyres]}, to: sales}");
    let case = Case::new().text("New Winter  Tyres!");
    let held = router.decide(&case.facts()).trace.held;
    assert_eq!(held[0].condition, "text: brakes or winter tyres");
    assert_eq!(held[0].seen, "\"Winter  Tyres\"");
}

#[test]
fn a_definition_is_used_by_its_name() {
    let yaml = "
define:
  big voice: {author_followers: {min: 5000}}
  loud trouble: {is: big voice, intent: [complaint, outrage]}
teams: {press: {}, triage: {}}
rules: [{name: trouble, when: {is: loud trouble, language: en}, to: press}, {name: never, when: {is: loud trouble, language: en}, to: triage}]
default: {to: triage}
";
    let router = Router::new(&Routing::from_yaml(yaml).unwrap(), &Known::default()).unwrap();
    let case = Case::new().intent("outrage", 0.9).followers(9000);
    let decision = router.decide(&case.facts());
    assert_eq!(decision.team, Some("press"));
    let held: Vec<&str> = decision.trace.held.iter().map(|held| held.condition.as_str()).collect();
    assert_eq!(held, ["author_followers: 5000 or more", "intent: complaint or outrage", "language: en"]);
    let case = Case::new().intent("outrage", 0.9).followers(10);
    let failure = router.explain(&case.facts())[0].failure.clone().unwrap();
    assert_eq!(
        failure.sentence,
        "it is not 'loud trouble': it is not 'big voice': author_followers was 10, not 5000 or more"
    );
    assert!(router.warnings()[0].message.contains("'never' can never decide"), "{:?}", router.warnings());
}

#[test]
fn the_first_rule_that_holds_decides() {
    let router = router(
        "  - {name: spam, when: {intent: spam}, drop: spam}
  - {name: buyer, when: {intent: purchase}, to: sales, priority: 2, tags: lead, copy_to: press}
  - {name: asks, when: {intent: [purchase, question]}, to: support}",
    );
    let cases = [
        (Case::new().intent("purchase", 0.9), "sales", "buyer", 2),
        (Case::new().intent("question", 0.9), "support", "asks", 3),
        (Case::new().intent("spam", 0.9).intent("purchase", 0.9), "dropped: spam", "spam", 3),
        (Case::new(), "triage", "default", 3),
    ];
    for (case, end, rule, priority) in cases {
        let decision = router.decide(&case.facts());
        assert_eq!(
            (routed(&decision).as_str(), decision.trace.rule.as_str(), decision.priority),
            (end, rule, priority)
        );
    }
    let case = Case::new().intent("purchase", 0.9);
    let decision = router.decide(&case.facts());
    assert_eq!((decision.tags, decision.copies), (vec!["lead".to_owned()], vec!["press"]));
}

#[test]
fn a_rule_that_continues_adds_tags_priority_and_copies_to_whatever_follows() {
    let router = router(
        "  - {name: loud, when: {author_followers: {min: 1000}}, continue: true, priority: 1, tags: [loud, vip], copy_to: [press, support]}
  - {name: all, continue: true, tags: vip}
  - {name: angry, when: {intent: complaint}, to: support, tags: angry}
  - {name: calm, when: {intent: praise}, to: sales, priority: 5}
  - {name: spam, when: {intent: spam}, drop: spam}",
    );
    let case = Case::new().intent("complaint", 0.9).followers(2000);
    let decision = router.decide(&case.facts());
    assert_eq!(decision.team, Some("support"));
    assert_eq!(decision.priority, 1);
    assert_eq!(decision.tags, ["loud", "vip", "angry"]);
    assert_eq!(decision.copies, ["press"], "no copy goes to the team that has the item");
    assert_eq!(decision.trace.continued, ["loud", "all"]);

    let praise = Case::new().intent("praise", 0.9).followers(2000);
    assert_eq!(router.decide(&praise.facts()).priority, 5, "the last rule to set a priority wins");
    let spam = Case::new().intent("spam", 0.9).followers(2000);
    assert_eq!(
        router.decide(&spam.facts()).copies,
        Vec::<&str>::new(),
        "nothing is copied of what is dropped"
    );
}

#[test]
fn the_trace_names_the_conditions_that_held_and_what_they_saw() {
    let router = router(
        "  - {name: angry, when: {any: [{intent: outrage}, {intent: complaint, author_followers: {min: 5000}}], not: {voice: own}}, to: support}",
    );
    let case = Case::new().intent("complaint", 0.81).followers(9000);
    let trace = router.decide(&case.facts()).trace;
    let held: Vec<String> =
        trace.held.iter().map(|held| format!("{} | {}", held.condition, held.seen)).collect();
    assert_eq!(
        held,
        [
            "intent: complaint | complaint 0.81",
            "author_followers: 5000 or more | 9000",
            "not (voice: own) | customer"
        ]
    );
}

#[test]
fn a_rule_that_did_not_hold_says_what_was_seen_instead() {
    let own = SubjectKind::Own;
    let table = [
        ("{intent: purchase}", Case::new().intent("complaint", 0.8), "intent was complaint, not purchase"),
        ("{intent: purchase}", Case::new(), "intent was none, not purchase"),
        (
            "{intent: {name: purchase, min: 0.8}}",
            Case::new().intent("purchase", 0.55),
            "intent was purchase 0.55, not purchase at 0.8 or more",
        ),
        (
            "{subject: [aurora, garage]}",
            Case::new().subject("rival", SubjectKind::Competitor, None),
            "subject was rival, not aurora or garage",
        ),
        (
            "{subject_kind: product}",
            Case::new().subject("aurora", own, None),
            "subject_kind was own, not product",
        ),
        ("{sentiment: negative}", Case::new().sentiment(0.9), "sentiment was positive, not negative"),
        (
            "{sentiment: {score: {max: -0.5}}}",
            Case::new().sentiment(0.25),
            "sentiment was neutral 0.25, not -0.5 or less",
        ),
        (
            "{sentiment: {label: negative, toward: aurora}}",
            Case::new().subject("aurora", own, Some(0.5)),
            "sentiment was positive 0.50 toward aurora, not negative toward aurora",
        ),
        ("{language: pl}", Case::new(), "language was en, not pl"),
        ("{source: reviews}", Case::new(), "source was forum, not reviews"),
        ("{author_followers: {min: 5000}}", Case::new(), "author_followers was unknown, not 5000 or more"),
        (
            "{any: [{intent: outrage}, {language: pl}]}",
            Case::new().intent("praise", 0.9),
            "intent was praise, not outrage; language was en, not pl",
        ),
        (
            "{not: {intent: spam}}",
            Case::new().intent("spam", 0.93),
            "intent: spam holds (spam 0.93), which is excluded",
        ),
    ];
    for (when, case, expected) in table {
        let router = router(&format!("  - {{name: it, when: {when}, to: sales}}"));
        let verdicts = router.explain(&case.facts());
        let failure = verdicts[0].failure.as_ref().unwrap();
        assert_eq!(failure.sentence, expected, "{when}");
        assert!(verdicts[1].decided && verdicts[1].rule == "default");
    }
}

#[test]
fn many_rules_decide_as_they_would_one_by_one() {
    // More rules than the index starts from, of every kind that it knows, beside ones that it does not.
    let mut rules = String::new();
    let conditions = [
        "{subject: garage, intent: question}",
        "{source: reviews, intent: praise}",
        "{intent: [churn, outrage]}",
        "{language: sv}",
        "{any: [{subject: rival}, {language: it}]}",
        "{any: [{source: reviews, intent: question}, {subject: [rival, aurora]}, {all: [{intent: spam}, {language: sv}]}]}",
        "{any: [{intent: question}, {subject: garage}], not: {subject: garage}}",
        "{not: {voice: customer}}",
        "{subject: [aurora, garage]}",
    ];
    for round in 0..3 {
        for (number, when) in conditions.iter().enumerate() {
            let language = ["pl", "en", "ro"][round];
            let narrowed = if round == 2 {
                (*when).to_owned()
            } else {
                format!("{{all: [{when}, {{language: {language}}}]}}")
            };
            rules.push_str(&format!("  - {{name: r{round}-{number}, when: {narrowed}, to: sales}}\n"));
        }
    }
    let router = router(&rules);
    let names: Vec<&str> = router.rules().collect();
    let mut decided = std::collections::HashSet::new();
    for language in ["pl", "en", "ro", "sv", "it"] {
        for intent in ["question", "praise", "churn", "spam"] {
            for subject in ["aurora", "rival", "garage", "unknown"] {
                for (source, voice) in [("forum", Voice::Customer), ("reviews", Voice::Staff)] {
                    let case = Case::new()
                        .language(language)
                        .intent(intent, 0.9)
                        .subject(subject, SubjectKind::Topic, None)
                        .source(source, "file")
                        .voice(voice);
                    let decision = router.decide(&case.facts());
                    let verdicts = router.explain(&case.facts());
                    let first = verdicts.iter().find(|verdict| verdict.decided).unwrap();
                    assert_eq!(decision.trace.rule, first.rule, "{language} {intent} {subject} {source}");
                    decided.insert(decision.trace.rule.clone());
                }
            }
        }
    }
    assert!(decided.len() > names.len() / 2, "the table reaches too few rules: {decided:?}");
}
