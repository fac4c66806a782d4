use std::{fs, path::Path};

use hark_schema::v1::{Author, Engagement, Op, ThreadRef, Visibility};
use proptest::prelude::*;
use serde_json::Value;

use super::{
    AUTHOR_FIELDS, ENGAGEMENT_FIELDS, MAX_TEXT_BYTES, POST_FIELDS, PostInput, Reason, Refused, THREAD_FIELDS,
};

fn refused(json: &str) -> Refused {
    PostInput::from_json(json.as_bytes()).expect_err(json)
}

/// Pointers and words of all mistakes, one a line.
fn said(json: &str) -> String {
    refused(json).errors.iter().map(|error| format!("{} {}\n", error.pointer, error.why)).collect()
}

#[test]
fn a_post_with_every_field_is_read_whole() {
    let post = PostInput::from_json(
        br#"{"id":"p1","text":"Great service at Aurora Motors","op":"edit","revision":"2026-05-04T09:30:00Z",
        "instance":"garage.example","title":"Thanks","lang":"pt_BR","url":"https://garage.example/p1",
        "author":{"id":"u7","handle":"@ewa","name":"Ewa N.","followers":120,"verified":true,"bot":false},
        "thread":{"root":"p0","parent":"p0"},"rating":4.5,"place":"Lund","visibility":"unlisted",
        "created_at":"2026-05-04T11:00:00+02:00","engagement":{"likes":3,"replies":0,"shares":1,"views":90},
        "media_urls":["https://garage.example/1.jpg"]}"#,
    )
    .unwrap();
    let expected = PostInput {
        id: "p1".into(),
        text: "Great service at Aurora Motors".into(),
        op: Op::Edit,
        revision: Some(1_777_887_000_000),
        instance: "garage.example".into(),
        title: "Thanks".into(),
        lang: "pt-BR".into(),
        url: "https://garage.example/p1".into(),
        author: Some(Author {
            id: "u7".into(),
            handle: "@ewa".into(),
            name: "Ewa N.".into(),
            followers: Some(120),
            verified: Some(true),
            bot: Some(false),
        }),
        thread: Some(ThreadRef { root: "p0".into(), parent: "p0".into() }),
        rating: Some(4.5),
        place: "Lund".into(),
        visibility: Visibility::Unlisted,
        created_at: Some("2026-05-04T09:00:00Z".parse().unwrap()),
        engagement: Some(Engagement { likes: Some(3), replies: Some(0), shares: Some(1), views: Some(90) }),
        media_urls: vec!["https://garage.example/1.jpg".into()],
        payload: Vec::new(),
    };
    assert_eq!(post, expected);
}

#[test]
fn null_and_empty_mean_absent() {
    let bare = PostInput::from_json(br#"{"id":"p1","text":"hi"}"#).unwrap();
    let nulls = br#"{"id":"p1","text":"hi","op":null,"revision":null,"title":null,"author":{"name":""},"thread":{},
        "engagement":{"likes":null},"rating":null,"created_at":null,"media_urls":null,"visibility":null,"url":""}"#;
    assert_eq!(PostInput::from_json(nulls).unwrap(), bare);
    let optional = POST_FIELDS.iter().filter(|field| !["id", "text"].contains(field));
    let empties: String = optional.map(|field| format!(",{field:?}:\"\"")).collect();
    let empties = format!(r#"{{"id":"p1","text":"hi"{empties}}}"#);
    assert_eq!(PostInput::from_json(empties.as_bytes()).unwrap(), bare);
    assert_eq!(said(r#"{"id":"","text":""}"#), "/id is required\n/text is required\n");
}

#[test]
fn a_deletion_needs_only_an_id() {
    let post = PostInput::from_json(br#"{"id":"p1","op":"delete"}"#).unwrap();
    assert_eq!((post.op, post.text.as_str()), (Op::Delete, ""));
}

#[test]
fn every_mistake_of_a_post_is_named_with_its_place() {
    let said = said(
        r#"{"txt":"a","rating":9,"author":{"handel":"x","followers":-3,"id":7},"lang":"polish language",
        "created_at":1700000000,"visibility":"secret","thread":[],"a/b~c":1}"#,
    );
    assert_eq!(
        said,
        "/txt unknown field; did you mean \"text\"?\n\
         /a~1b~0c unknown field; known here: id, text, op, revision, instance, title, lang, url, author, thread, rating, \
         place, visibility, created_at, engagement, media_urls\n\
         /id is required\n\
         /text is required\n\
         /lang not a language tag; write \"pl\" or \"pt-BR\" (BCP 47)\n\
         /author/handel unknown field; did you mean \"handle\"?\n\
         /author/id expected a string, found the number 7; write \"7\" with quotes\n\
         /author/followers expected a whole number from 0, found the number -3\n\
         /thread expected an object with any of root, parent, found a list\n\
         /rating expected stars from 1 to 5 (scale other ratings to that), found the number 9\n\
         /visibility expected one of public, unlisted, followers, direct, found the string \"secret\"\n\
         /created_at expected a time such as \"2026-05-04T09:30:00Z\" (RFC 3339), found the number 1700000000\n"
    );
}

#[test]
fn bad_input_is_refused_with_a_reason_and_a_remedy() {
    let long = format!(r#"{{"id":"p1","text":"{}"}}"#, "a".repeat(MAX_TEXT_BYTES + 1));
    let deep = format!(r#"{{"id":"p1","text":"a","author":{}1{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let many = format!(r#"{{"id":"p1","text":"a","media_urls":[{}1]}}"#, "1,".repeat(5_000));
    let table = [
        ("", Reason::MalformedJson, "not JSON: EOF"),
        ("{", Reason::MalformedJson, "not JSON: EOF"),
        ("nobody answers", Reason::MalformedJson, "not JSON: expected a value (column 2)"),
        (r#"{"id":"p1","text":"a"} x"#, Reason::MalformedJson, "trailing characters (column 24)"),
        (r#"{"id":"p1","text":"\ud800"}"#, Reason::MalformedJson, "not JSON"),
        ("[]", Reason::InvalidPost, "expected a post"),
        ("42", Reason::InvalidPost, "expected a post"),
        (r#"{"id":"p1","text":"a","id":"p2"}"#, Reason::InvalidPost, "/id: given twice"),
        (r#"{"id":"p1","text":"a\u0000b"}"#, Reason::InvalidPost, "/text: a NUL character at byte 1"),
        (r#"{"id":"p\n1","text":"a"}"#, Reason::InvalidPost, "/id: the control character U+000A"),
        (r#"{"id":" ","text":"a"}"#, Reason::InvalidPost, "/id: is blank"),
        (r#"{"id":"p1","text":" \n"}"#, Reason::InvalidPost, "/text: is blank"),
        (r#"{"id":"p1"}"#, Reason::InvalidPost, "/text: is required"),
        (r#"{"id":"p1","text":"a","url":"javascript:x"}"#, Reason::InvalidPost, "/url: not an address"),
        (
            r#"{"id":"p1","text":"a","created_at":"0024-01-01T00:00:00Z"}"#,
            Reason::InvalidPost,
            "the year 24 is",
        ),
        (r#"{"id":"p1","text":"a","revision":-1}"#, Reason::InvalidPost, "/revision: expected a counter"),
        (r#"{"id":"p1","text":"a","revision":1.5}"#, Reason::InvalidPost, "/revision: expected a counter"),
        (
            r#"{"id":"p1","text":"a","op":"remove"}"#,
            Reason::InvalidPost,
            "one of create, edit, delete, restore",
        ),
        (&long, Reason::TextTooLong, "/text: 65537 bytes; at most 65536"),
        (&deep, Reason::InvalidPost, "/author: expected an object"),
        (
            &many,
            Reason::InvalidPost,
            "/media_urls: expected a list of strings, found a list or object of more",
        ),
    ];
    for (json, reason, why) in table {
        let refused = refused(json);
        let shown: String = json.chars().take(80).collect();
        assert_eq!(refused.reason(), reason, "{shown}");
        assert!(refused.to_string().contains(why), "{shown}: {refused}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused_with_their_place() {
    let refused = PostInput::from_json(b"{\"id\":\"p1\",\"text\":\"\xff\"}").unwrap_err();
    assert_eq!(refused.reason(), Reason::InvalidUtf8);
    assert!(refused.to_string().contains("byte 19"), "{refused}");
}

#[test]
fn a_text_of_exactly_64_kib_is_taken() {
    let json = format!(r#"{{"id":"p1","text":"{}"}}"#, "a".repeat(MAX_TEXT_BYTES));
    assert_eq!(PostInput::from_json(json.as_bytes()).unwrap().text.len(), MAX_TEXT_BYTES);
}

#[test]
fn a_refused_post_still_tells_its_id() {
    let refused = refused(r#"{"id":"p1","instance":"a.example","text":7}"#);
    assert_eq!((refused.id.as_deref(), refused.instance.as_str()), (Some("p1"), "a.example"));
}

#[test]
fn names_from_other_systems_are_answered_with_ours() {
    for (theirs, ours) in
        [("body", "text"), ("Content", "text"), ("published_at", "created_at"), ("stars", "rating")]
    {
        let said = said(&format!(r#"{{"id":"p1","text":"a","{theirs}":"x"}}"#));
        assert!(said.contains(&format!("did you mean {ours:?}")), "{said}");
    }
}

// ---- the published schema ----

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/post-input.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn property_names(schema: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn sorted<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}

#[test]
fn the_schema_names_the_fields_that_the_code_reads() {
    let schema = schema();
    assert_eq!(property_names(&schema), sorted(&POST_FIELDS));
    assert_eq!(property_names(&schema["properties"]["author"]), sorted(&AUTHOR_FIELDS));
    assert_eq!(property_names(&schema["properties"]["thread"]), sorted(&THREAD_FIELDS));
    assert_eq!(property_names(&schema["properties"]["engagement"]), sorted(&ENGAGEMENT_FIELDS));
}

#[test]
fn schema_and_code_take_and_refuse_the_same_posts() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let long_id = "x".repeat(1025);
    // Values of each field: those that are taken, those that are refused.
    let table: &[(&str, &[&str], &[&str])] = &[
        (
            "id",
            &[r#""p1""#, r#"" p 1 ""#, r#""ż/★""#],
            &["null", "7", r#""""#, r#"" ""#, r#""a\u0000""#, r#""a\tb""#],
        ),
        ("text", &[r#""a""#, r#"" a\n""#], &["null", "7", r#""""#, r#""\n""#, r#""a\u0000""#, "[]"]),
        (
            "op",
            &["null", r#""""#, r#""create""#, r#""delete""#, r#""restore""#],
            &[r#""remove""#, r#""Create""#, r#"" ""#, "1"],
        ),
        (
            "revision",
            &["null", r#""""#, "0", "18446744073709551615", "3.0", r#""2026-05-04T09:30:00Z""#],
            &["-1", "1.5", r#""3""#, "true", r#""1969-05-04T09:30:00Z""#, "[1]"],
        ),
        ("instance", &["null", r#""""#, r#""a.example""#], &["1", r#""a\u001fb""#, r#"" ""#]),
        ("title", &["null", r#""""#, r#""Hello""#], &["1", "{}", r#""a\u0000""#]),
        (
            "lang",
            &["null", r#""""#, r#""pl""#, r#""pt_BR""#, r#""zh-Hant-TW""#],
            &[r#""p""#, r#""polish text""#, "1", r#""en-""#],
        ),
        (
            "url",
            &["null", r#""""#, r#""https://a.example/x?y=1""#, r#""HTTP://a""#],
            &[r#""a.example""#, r#""ftp://a""#, r#""https://""#, r#""https://a b""#, "1"],
        ),
        (
            "author",
            &[
                "null",
                r#""""#,
                "{}",
                r#"{"id":"u","handle":"h","name":"n","followers":0,"verified":true,"bot":null}"#,
                r#"{"id":"","handle":"","name":"","followers":"","verified":"","bot":""}"#,
            ],
            &[
                "[]",
                r#""ewa""#,
                r#"{"followers":"12"}"#,
                r#"{"followers":-1}"#,
                r#"{"verified":1}"#,
                r#"{"nick":"e"}"#,
            ],
        ),
        (
            "thread",
            &["null", r#""""#, "{}", r#"{"root":"a","parent":null}"#],
            &[r#""a""#, r#"{"root":1}"#, r#"{"top":"a"}"#],
        ),
        ("rating", &["null", r#""""#, "1", "4.5", "5"], &["0", "5.5", r#""5""#, "-1", "true"]),
        ("place", &["null", r#""""#, r#""Lund""#], &["1", "[]"]),
        ("visibility", &["null", r#""""#, r#""public""#, r#""direct""#], &[r#""private""#, "0"]),
        (
            "created_at",
            &["null", r#""""#, r#""2026-05-04T09:30:00Z""#, r#""2026-05-04T09:30:00.123456789+02:00""#],
            &["1700000000", r#""2026-05-04""#, r#""2026-05-04 09:30:00""#, r#""2101-01-01T00:00:00Z""#],
        ),
        (
            "engagement",
            &["null", r#""""#, "{}", r#"{"likes":1,"views":null,"shares":""}"#],
            &["1", r#"{"likes":1.5}"#, r#"{"hearts":1}"#],
        ),
        (
            "media_urls",
            &["null", r#""""#, "[]", r#"["https://a.example/1.jpg"]"#],
            &[r#""https://a.example/1.jpg""#, "[1]", "[null]", r#"["x"]"#],
        ),
        ("surprise", &[], &["1", "null"]),
    ];
    assert_eq!(table.len(), POST_FIELDS.len() + 1, "a field is not in the table");
    let long = [
        ("id", format!("{long_id:?}"), false),
        ("media_urls", many_urls(16), true),
        ("media_urls", many_urls(17), false),
    ];
    let cases = table
        .iter()
        .flat_map(|(field, good, bad)| {
            good.iter()
                .map(|value| (*field, (*value).to_owned(), true))
                .chain(bad.iter().map(|value| (*field, (*value).to_owned(), false)))
        })
        .chain(long);
    for (field, value, fine) in cases {
        let rest: Vec<String> = [("id", r#""p1""#), ("text", r#""hi""#)]
            .iter()
            .filter(|(name, _)| *name != field)
            .map(|(name, value)| format!("{name:?}:{value}"))
            .collect();
        let json = format!("{{{},{field:?}:{value}}}", rest.join(","));
        let by_code = PostInput::from_json(json.as_bytes());
        assert_eq!(by_code.is_ok(), fine, "the code on {json}: {by_code:?}");
        assert_eq!(validator.is_valid(&serde_json::from_str(&json).unwrap()), fine, "the schema on {json}");
    }
    for (json, fine) in [
        (r#"{"id":"p1","op":"delete"}"#, true),
        (r#"{"op":"delete"}"#, false),
        (r#"{"id":"p1","op":"edit"}"#, false),
    ] {
        assert_eq!(PostInput::from_json(json.as_bytes()).is_ok(), fine, "the code on {json}");
        assert_eq!(validator.is_valid(&serde_json::from_str(json).unwrap()), fine, "the schema on {json}");
    }
}

fn many_urls(count: usize) -> String {
    format!("[{}]", vec![r#""https://a.example/1""#; count].join(","))
}

#[test]
fn the_examples_of_the_documentation_are_taken_as_they_stand() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/posts.md")).unwrap();
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mut seen = 0;
    for block in page.split("```json\n").skip(1) {
        let example = block.split("```").next().unwrap();
        seen += 1;
        PostInput::from_json(example.as_bytes()).unwrap_or_else(|error| panic!("{example}: {error}"));
        assert!(validator.is_valid(&serde_json::from_str(example).unwrap()), "{example}");
    }
    assert!(seen >= 3, "posts.md has lost its examples");
    for field in POST_FIELDS {
        assert!(page.contains(&format!("| `{field}` |")), "posts.md does not document {field}");
    }
}

// ---- properties ----

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(&POST_FIELDS[..]), inner), 0..6).prop_map(
                |members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            ),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_taken_or_refused_with_at_least_one_mistake(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(refused) = PostInput::from_json(&bytes) {
            prop_assert!(!refused.errors.is_empty());
            prop_assert!(refused.errors.iter().all(|error| !error.why.is_empty()));
        }
    }

    #[test]
    fn whatever_the_schema_refuses_the_code_refuses(post in any_json()) {
        thread_local! {
            static SCHEMA: jsonschema::Validator = jsonschema::validator_for(&schema()).unwrap();
        }
        let taken = PostInput::from_json(post.to_string().as_bytes()).is_ok();
        let valid = SCHEMA.with(|schema| schema.is_valid(&post));
        prop_assert!(valid || !taken, "{post}");
    }

    #[test]
    fn any_text_without_nul_arrives_as_it_was_sent(text in "[^\\x00]{0,300}", id in "[a-zA-Z0-9:/#-]{1,40}") {
        prop_assume!(!text.trim().is_empty());
        let json = serde_json::json!({"id": id, "text": text}).to_string();
        let post = PostInput::from_json(json.as_bytes()).unwrap();
        prop_assert_eq!((post.id, post.text), (id, text));
    }

    #[test]
    fn mistakes_point_at_something_that_is_there_or_missing(post in any_json()) {
        if let Err(refused) = PostInput::from_json(post.to_string().as_bytes()) {
            for error in refused.errors {
                let parent = error.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
                prop_assert!(post.pointer(parent).is_some(), "{} in {post}", error.pointer);
            }
        }
    }
}
