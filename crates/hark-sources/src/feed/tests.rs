use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hark_log::{
    Cleanup, CommitError, From, GroupOffset, Log, LogError, Output, Producer, Reader, Record, Session,
    SessionConfig, SessionError, TopicDescription, TopicSpec,
    embedded::{EmbeddedLog, Options},
};
use hark_schema::{
    Message as _,
    v1::{DeadLetter, Op, RawPost},
};
use hark_tests::web::{Response, WebServer, rss};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    Feed, FetchError, PollError,
    entry::{self, Entries},
    fetch::{Client, Validators},
    page::{self, Page},
    poll::Poller,
    poll_once, whole,
};
use crate::{PollResult, PostInput, Reason, testing::context};

/// An embedded log whose producers lose their transaction at the given commit (counted from 1, 0 for never).
struct TestLog {
    log: EmbeddedLog,
    lose_at: AtomicUsize,
    commits: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

struct TestProducer(Box<dyn Producer>, Arc<AtomicUsize>, usize);

impl Producer for TestProducer {
    fn commit(&mut self, outputs: &[Output]) -> Result<(), CommitError> {
        if self.1.fetch_add(1, Ordering::Relaxed) + 1 == self.2 {
            let source = SessionError::Log(LogError::Invalid("fenced".to_owned()));
            return Err(CommitError::Lost { source });
        }
        self.0.commit(outputs)
    }
}

impl TestLog {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(folder.path(), Options::default()).unwrap();
        let topics = context("feed").topics;
        let specs = [topics.posts, topics.cursors, topics.dead_letters].map(|topic| TopicSpec {
            name: topic.name.to_string(),
            partitions: topic.partitions,
            replication: None,
            cleanup: Cleanup::Delete,
            retention: None,
        });
        log.create_topics(&specs).unwrap();
        Self { log, lose_at: AtomicUsize::new(0), commits: Arc::default(), _folder: folder }
    }

    fn lose_at(&self, commit: usize) {
        self.commits.store(0, Ordering::Relaxed);
        self.lose_at.store(commit, Ordering::Relaxed);
    }

    fn values(&self, topic: &str) -> Vec<Vec<u8>> {
        let partitions: Vec<u32> = (0..12).collect();
        let mut values = Vec::new();
        self.log
            .read_to_end(topic, &partitions, &mut |record| values.push(record.value.unwrap().to_vec()))
            .unwrap();
        values
    }

    /// In the order of their ids, and of one id in the order of their coming.
    fn posts(&self) -> Vec<RawPost> {
        let mut posts: Vec<RawPost> =
            self.values("hark.posts").iter().map(|value| RawPost::decode(&**value).unwrap()).collect();
        posts.sort_by_key(|post| (post.r#ref.clone().unwrap().native_id, post.revision));
        posts
    }

    fn ids(&self) -> Vec<String> {
        self.posts().into_iter().map(|post| post.r#ref.unwrap().native_id).collect()
    }
}

impl Log for TestLog {
    fn producer(&self, id: &str) -> Result<Box<dyn Producer>, LogError> {
        let (commits, lose_at) = (Arc::clone(&self.commits), self.lose_at.load(Ordering::Relaxed));
        Ok(Box::new(TestProducer(self.log.producer(id)?, commits, lose_at)))
    }
    fn session(&self, config: SessionConfig) -> Result<Box<dyn Session>, LogError> {
        self.log.session(config)
    }
    fn reader(&self, topic: &str, from: From) -> Result<Box<dyn Reader>, LogError> {
        self.log.reader(topic, from)
    }
    fn read_to_end(
        &self,
        topic: &str,
        partitions: &[u32],
        each: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), LogError> {
        self.log.read_to_end(topic, partitions, each)
    }
    fn group_offsets(&self, group: &str, topic: &str) -> Result<Vec<GroupOffset>, LogError> {
        self.log.group_offsets(group, topic)
    }
    fn times_at(&self, topic: &str, offsets: &[(u32, i64)]) -> Result<Vec<(u32, i64)>, LogError> {
        self.log.times_at(topic, offsets)
    }
    fn reach(&self, within: Duration) -> Result<(), LogError> {
        self.log.reach(within)
    }
    fn topics(&self) -> Result<Vec<TopicDescription>, LogError> {
        self.log.topics()
    }
    fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), LogError> {
        self.log.create_topics(specs)
    }
}

fn feed(url: String) -> Feed {
    Feed {
        context: context("feed"),
        shown: super::shown(&url).unwrap(),
        url,
        every: Duration::from_secs(300),
        allow_private: true,
        transactional_id: "hark-ingest-aurora-forum".to_owned(),
    }
}

fn items(range: std::ops::Range<usize>) -> Vec<(String, String, String)> {
    range.rev().map(|n| (format!("Title {n}"), format!("id-{n:04}"), format!("<p>Text {n}</p>"))).collect()
}

fn poll(feed: &Feed, log: &TestLog) -> Result<(), PollError> {
    Poller::open(feed, log, CancellationToken::new()).unwrap().poll(Timestamp::now())
}

#[test]
fn an_id_that_turns_out_to_be_shared_is_no_gap_where_it_was_there_alone_and_hides_none_later() {
    let item = |n: u32| {
        format!(
            "<item><guid>0</guid><link>https://n.example/{n}</link><description>D{n}</description></item>"
        )
    };
    let server = WebServer::start(|_| Response::empty(500));
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    let mut gaps = Vec::new();
    for items in [item(1), item(2) + &item(1), item(4) + &item(3)] {
        server.answers(move |_| Response::page(page(&items)));
        poll(&feed, &log).unwrap();
        gaps.push(feed.context.counts.gaps());
    }
    assert_eq!(gaps, [0, 0, 1]);
}

fn read(page: &str) -> Vec<PostInput> {
    read_bytes(page.as_bytes(), None).unwrap()
}

fn read_bytes(page: &[u8], charset: Option<&str>) -> Result<Vec<PostInput>, String> {
    let address = "https://n.example/feeds/rss".to_owned();
    let page = Page { bytes: page.to_vec(), address, charset: charset.map(str::to_owned) };
    let Entries { reads, .. } = entry::read_all(page::parse(&page, "https://n.example/rss")?, |_| false);
    Ok(reads.into_iter().map(|read| read.post).collect())
}

#[test]
fn what_is_published_is_not_published_again_and_its_page_is_asked_for_only_if_it_changed() {
    let server = WebServer::start(|request| match request.header("if-none-match") {
        Some("\"v1\"") => Response::empty(304),
        _ => Response::page(rss(&items(0..3))).with("etag", "\"v1\"").with("last-modified", "yesterday"),
    });
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    poll(&feed, &log).unwrap();
    assert_eq!(log.ids(), ["id-0000", "id-0001", "id-0002"]);
    let first = &log.posts()[0];
    assert_eq!(
        (&*first.text, &*first.title, &*first.url),
        ("Text 0", "Title 0", "https://news.example/id-0000")
    );
    // As after a restart: what is known is what is committed.
    poll(&feed, &log).unwrap();
    assert_eq!(log.ids().len(), 3);
    assert_eq!(server.asked()[1].header("if-modified-since"), Some("yesterday"));
    let counts = &feed.context.counts;
    assert_eq!((counts.polls(PollResult::New), counts.polls(PollResult::Unchanged)), (1, 1));
    assert_eq!((counts.accepted(), counts.gaps()), (3, 0));
}

#[test]
fn an_entry_that_says_something_else_is_an_edit_with_a_newer_revision() {
    let (log, mut page) = (TestLog::new(), items(0..3));
    let server = WebServer::start(|_| Response::empty(500));
    let feed = feed(server.url("/rss"));
    let serve = |page: &[(String, String, String)]| {
        let body = rss(page);
        server.answers(move |_| Response::page(body.clone()));
        poll(&feed, &log).unwrap();
    };
    serve(&page);
    page[1].2 = "<p>Text 1, corrected</p>".to_owned();
    serve(&page);
    // Markup alone says nothing else.
    page[1].2 = "<div><b>Text 1</b>, corrected</div>".to_owned();
    serve(&page);
    page[1].2 = "Text 1".to_owned();
    serve(&page);
    let posts = log.posts();
    let told: Vec<(Op, &str)> = posts
        .iter()
        .filter(|post| post.r#ref.as_ref().unwrap().native_id == "id-0001")
        .map(|post| (post.op(), &*post.text))
        .collect();
    assert_eq!(told, [(Op::Create, "Text 1"), (Op::Edit, "Text 1, corrected"), (Op::Edit, "Text 1")]);
    assert_eq!(posts.len(), 5);
}

#[test]
fn a_page_that_was_cut_short_by_a_crash_is_published_to_its_end_and_nothing_of_it_twice() {
    let server = WebServer::start(|request| match request.header("if-none-match") {
        Some(_) => Response::empty(304),
        None => Response::page(rss(&items(0..350))).with("etag", "\"v1\""),
    });
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    log.lose_at(5);
    assert!(matches!(poll(&feed, &log), Err(PollError::Lost(_))));
    assert_eq!(log.ids().len(), 200, "four transactions of seven");
    assert_eq!(log.ids().last().unwrap(), "id-0199", "the oldest first");
    log.lose_at(0);
    poll(&feed, &log).unwrap();
    let expected: Vec<String> = (0..350).map(|n| format!("id-{n:04}")).collect();
    assert_eq!(log.ids(), expected);
    assert!(server.asked()[1].header("if-none-match").is_none(), "the page must come again");
    poll(&feed, &log).unwrap();
    assert!(server.asked()[2].header("if-none-match").is_some());
}

#[test]
fn a_server_that_asks_for_patience_gets_it_and_once_asks_all_the_same() {
    let server = WebServer::start(|_| Response::empty(429).with("retry-after", "7200"));
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let mut poller = Poller::open(&feed, &log, CancellationToken::new()).unwrap();
    assert_eq!(poller.due_ms(now.as_millisecond()), 0, "at once, when it was never asked");
    poller.poll(now).unwrap();
    let due = now.as_millisecond() + 7_200_000;
    assert_eq!(poller.due_ms(now.as_millisecond()), due);
    // The next owner keeps the promise.
    let next = Poller::open(&feed, &log, CancellationToken::new()).unwrap();
    assert_eq!(next.due_ms(now.as_millisecond()), due);
    // A clock that went back does not put the feed to sleep.
    assert!(next.due_ms(0) <= 24 * 3_600_000);
    poll_once(std::slice::from_ref(&feed), &log, &CancellationToken::new()).unwrap();
    assert_eq!(server.asked().len(), 2);

    server.answers(|_| {
        Response::page(rss(&items(0..1)).replace("<description>All", "<ttl>60</ttl><description>All"))
    });
    poller.poll(now).unwrap();
    assert_eq!(poller.due_ms(now.as_millisecond()), now.as_millisecond() + 3_600_000, "ttl is an hour");
    server.answers(|_| Response::page(rss(&items(0..1))));
    poller.poll(now).unwrap();
    assert_eq!(poller.due_ms(now.as_millisecond()), now.as_millisecond() + 300_000, "`every`");
}

#[test]
fn a_window_that_turned_over_between_two_polls_is_told_as_a_gap() {
    let server = WebServer::start(|_| Response::empty(500));
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    let mut gaps = Vec::new();
    for page in [items(0..5), items(3..8), items(8..13), items(8..13), Vec::new(), items(13..14)] {
        let body = rss(&page);
        server.answers(move |_| Response::page(body.clone()));
        poll(&feed, &log).unwrap();
        gaps.push(feed.context.counts.gaps());
    }
    // Not the first look, not an overlap; an empty page hides nothing and is no look.
    assert_eq!(gaps, [0, 0, 1, 1, 1, 2]);
    assert_eq!(log.ids().len(), 14);
}

#[test]
fn an_entry_that_is_no_post_is_kept_once_as_a_dead_letter() {
    let long = "x".repeat(70_000);
    let page = rss(&[
        ("Long".to_owned(), "long".to_owned(), long),
        (String::new(), "blank".to_owned(), "<img src='x'>".to_owned()),
        ("Only a headline".to_owned(), "short".to_owned(), String::new()),
    ]);
    let server = WebServer::start(move |_| Response::page(page.clone()));
    let (log, feed) = (TestLog::new(), feed(server.url("/rss?token=s3cret")));
    poll(&feed, &log).unwrap();
    poll(&feed, &log).unwrap();
    let posts = log.posts();
    assert_eq!(posts.len(), 1);
    assert_eq!((&*posts[0].text, &*posts[0].title), ("Only a headline", ""));
    let mut letters: Vec<DeadLetter> =
        log.values("hark.dead-letters").iter().map(|value| DeadLetter::decode(&**value).unwrap()).collect();
    letters.sort_by_key(|letter| letter.class.clone());
    assert_eq!(
        letters.iter().map(|letter| &*letter.class).collect::<Vec<_>>(),
        ["invalid_post", "text_too_long"]
    );
    assert_eq!(letters[1].file.as_ref().unwrap().path, server.url("/rss"), "without what may be secret");
    assert_eq!(posts[0].provenance.as_ref().unwrap().query, server.url("/rss"));
    let counts = &feed.context.counts;
    assert_eq!((counts.rejected(Reason::TextTooLong), counts.rejected(Reason::InvalidPost)), (1, 1));
}

#[test]
fn what_is_no_feed_is_a_failure_that_changes_nothing() {
    let server = WebServer::start(|_| Response::empty(500));
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    let answers: [(Response, &str); 4] = [
        (Response::empty(500), "the server answers 500"),
        (Response::empty(404), "the server answers 404"),
        (Response::page("<html><body>Welcome</body></html>"), "no feed"),
        (Response::page("<rss").with("content-length", "1000"), "breaks off"),
    ];
    for (answer, says) in answers {
        server.answers(move |_| answer.clone());
        let error = poll(&feed, &log).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(feed.context.counts.polls(PollResult::Failed), 4);
    assert!(log.values("hark.cursors").is_empty());
    let error = poll_once(&[feed], &log, &CancellationToken::new()).unwrap_err();
    assert_eq!(error.to_string(), "the feed forum could not be polled");
}

#[test]
fn redirects_are_followed_and_each_address_is_checked_when_the_connection_is_made() {
    let page = rss(&items(0..1));
    let target = WebServer::start_at("127.0.0.2:0", move |_| Response::page(page.clone()));
    let location = format!("http://127.0.0.2:{}/rss", target.port());
    let server = WebServer::start(move |_| Response::empty(301).with("location", location.clone()));

    let all = Client::guarded(&server.url("/old"), |_| true);
    assert!(all.get(&Validators::default()).is_ok());
    let first_only = Client::guarded(&server.url("/old"), |ip| ip == std::net::IpAddr::from([127, 0, 0, 1]));
    let error = first_only.get(&Validators::default()).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("127.0.0.2 is 127.0.0.2, an address of a private network"), "{said}");
    assert_eq!(target.asked().len(), 1);

    for url in [
        server.url("/old"),
        format!("http://localhost:{}/", server.port()),
        format!("http://[::ffff:127.0.0.1]:{}/", server.port()),
        format!("http://2130706433:{}/", server.port()),
    ] {
        let asked = server.asked().len();
        let error = Client::new(&url, false).get(&Validators::default()).unwrap_err();
        assert!(matches!(error, FetchError::Unanswered(_)), "{url}: {error}");
        assert_eq!(server.asked().len(), asked, "{url}");
    }
    server.answers(|_| Response::empty(302).with("location", "/again"));
    assert!(all.get(&Validators::default()).is_err(), "round and round");
}

#[test]
fn each_kind_of_feed_becomes_posts_oldest_first() {
    let atom = r#"<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="pl">
        <title>Forum</title><id>f</id><updated>2026-05-04T09:30:00Z</updated>
        <entry><id>urn:2</id><title type="html">A &amp;amp; B</title><updated>2026-05-04T09:30:00Z</updated>
          <author><name>Ola</name><email>ola@example.org</email></author>
          <link rel="self" href="https://forum.example/feed/2"/><link href="https://forum.example/2"/>
          <content type="html">&lt;p&gt;Dzień dobry&lt;br&gt;wszystkim&lt;/p&gt;</content></entry>
        <entry><id>urn:1</id><title>One</title><published>2026-05-03T08:00:00Z</published>
          <updated>2026-05-04T09:30:00Z</updated><summary type="text">1 &lt; 2 &amp;amp; so on</summary></entry></feed>"#;
    let posts = read(atom);
    assert_eq!(posts.iter().map(|post| &*post.id).collect::<Vec<_>>(), ["urn:1", "urn:2"]);
    assert_eq!(posts[0].text, "1 < 2 &amp; so on", "plain text is no HTML");
    assert_eq!(posts[0].created_at, Some("2026-05-03T08:00:00Z".parse().unwrap()));
    assert_eq!((&*posts[1].text, &*posts[1].title), ("Dzień dobry\nwszystkim", "A & B"));
    assert_eq!(posts[1].url, "https://forum.example/2");
    assert_eq!(posts[1].author.as_ref().unwrap().name, "Ola");
    assert!(!format!("{posts:?}").contains("ola@example.org"), "an address is nobody's business");

    let json = r#"{"version": "https://jsonfeed.org/version/1.1", "title": "Blog", "language": "sv-SE",
        "items": [{"id": "9", "url": "https://blog.example/9", "content_html": "<p>Hej</p>", "title": "T",
                   "attachments": [{"url": "https://blog.example/9.jpg", "mime_type": "image/jpeg"}]},
                  {"id": "8", "content_text": "a < b", "url": "javascript:alert(1)"}]}"#;
    let posts = read(json);
    assert_eq!((&*posts[1].id, &*posts[1].text, &*posts[1].lang), ("9", "Hej", "sv-SE"));
    assert_eq!((&*posts[0].text, &*posts[0].url), ("a < b", ""));

    let rss1 = r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
        <channel rdf:about="https://old.example/"><title>Old</title><link>https://old.example/</link>
        <description>d</description></channel>
        <item rdf:about="https://old.example/1"><title>One</title><link>https://old.example/1</link>
        <description>First &lt;i&gt;post&lt;/i&gt;</description></item></rdf:RDF>"#;
    let posts = read(rss1);
    assert_eq!((&*posts[0].text, &*posts[0].url), ("First post", "https://old.example/1"));
}

#[test]
fn an_entry_without_an_id_is_known_by_its_link_and_one_that_comes_twice_counts_once() {
    let item = |body: &str| format!("<item>{body}<title>T</title><description>D</description></item>");
    let page = |items: &str| {
        format!(
            "<rss version=\"2.0\"><channel><title>N</title><link>https://n.example</link><description>d</description>{items}</channel></rss>"
        )
    };
    let linked = item("<link>https://n.example/1</link>");
    let twice = read(&page(&linked.repeat(2)));
    assert_eq!(twice.len(), 1);
    assert_eq!(read(&page(&linked))[0].id, twice[0].id, "the same at every poll");
    let other = read(&page(&item("<link>https://n.example/2</link>")));
    assert_ne!(other[0].id, twice[0].id);
    let long = item(&format!("<guid>{}</guid>", "g".repeat(3_000)));
    assert!(read(&page(&long))[0].id.len() <= 64);
    let bare = ["One", "Two"].map(|said| format!("<item><description>{said}</description></item>")).concat();
    let ids = || read(&page(&bare)).into_iter().map(|post| post.id).collect::<Vec<_>>();
    assert_eq!(ids(), ids(), "what has only a text is the same at every poll too");
    assert_ne!(ids()[0], ids()[1]);
}

#[test]
fn an_address_is_shown_without_what_may_be_secret() {
    for (url, shown) in [
        ("https://news.example/rss", Ok("https://news.example/rss")),
        ("HTTPS://news.example/rss?token=x#y", Ok("https://news.example/rss")),
        ("http://[::1]:8080/a/b", Ok("http://[::1]:8080/a/b")),
        ("ftp://news.example", Err("does not begin with http:// or https://")),
        ("news.example/rss", Err("does not begin with http:// or https://")),
        ("https://", Err("names no host")),
        (
            "https://u:p@news.example",
            Err("holds a user or password, which would be sent on to wherever the server redirects"),
        ),
        ("https://news.example/a b", Err("holds a character that must be written as %XX")),
        ("https://zażółć.example/", Err("holds a character that must be written as %XX")),
    ] {
        assert_eq!(super::shown(url), shown.map(str::to_owned), "{url}");
    }
}

/// An RSS page without encoding.
fn page(items: &str) -> String {
    format!(
        "<rss version=\"2.0\"><channel><title>N</title><link>https://n.example</link><description>d</description>{items}</channel></rss>"
    )
}

fn ids(posts: &[PostInput]) -> Vec<&str> {
    posts.iter().map(|post| &*post.id).collect()
}

#[test]
fn of_entries_with_the_same_id_the_newest_wording_counts() {
    let entry = |updated: &str, text: &str| {
        format!(
            "<entry><id>urn:1</id><title>T</title><updated>{updated}</updated><summary>{text}</summary></entry>"
        )
    };
    let (old, new) = (entry("2026-05-04T09:30:00Z", "old"), entry("2026-05-04T10:30:00Z", "new"));
    for entries in [format!("{old}{new}"), format!("{new}{old}")] {
        let posts = read(&format!(
            "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>F</title><id>f</id>\
             <updated>2026-05-04T09:30:00Z</updated>{entries}</feed>"
        ));
        assert_eq!(posts.iter().map(|post| &*post.text).collect::<Vec<_>>(), ["new"]);
    }
}

#[test]
fn entries_that_share_an_id_and_no_link_are_different_posts_and_stay_so_when_they_come_alone() {
    let item = |n: u32| {
        format!(
            "<item><guid>0</guid><link>https://n.example/{n}</link><title>T{n}</title><description>D{n}</description></item>"
        )
    };
    let together = (1..=5).map(item).collect::<String>();
    let server = WebServer::start(|_| Response::empty(500));
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    for items in [together, item(6), item(3), item(7) + &item(6)] {
        server.answers(move |_| Response::page(page(&items)));
        poll(&feed, &log).unwrap();
    }
    let told: Vec<(String, Op)> =
        log.posts().iter().map(|post| (post.r#ref.clone().unwrap().native_id, post.op())).collect();
    let expected: Vec<_> = (1..=7).map(|n| (format!("0 https://n.example/{n}"), Op::Create)).collect();
    assert_eq!(told, expected);

    let bare = ["One", "Two"].map(|title| format!("<item><guid>0</guid><title>{title}</title></item>"));
    assert_eq!(ids(&read(&page(&bare.concat()))), ["0 Two", "0 One"]);
    let twice = ["One", "Two"].map(|said| {
        format!(
            "<item><guid>g</guid><link>https://n.example/g</link><description>{said}</description></item>"
        )
    });
    let posts = read(&page(&twice.concat()));
    assert_eq!((ids(&posts), &*posts[0].text), (vec!["g"], "One"), "one post, told twice");
}

#[test]
fn of_a_page_with_too_many_entries_the_newest_are_read_in_whichever_order_they_stand() {
    let item = |n: usize, date: &str| {
        format!("<item><guid>id-{n:04}</guid><description>D</description>{date}</item>")
    };
    let day = |n: usize| {
        let (month, day) = (n / 28 % 12 + 1, n % 28 + 1);
        format!("<pubDate>{}-{month:02}-{day:02}T00:00:00Z</pubDate>", 1990 + n / 336)
    };
    let dated: Vec<String> = (0..1_100).map(|n| item(n, &day(n))).collect();
    let undated: Vec<String> = (0..1_100).map(|n| item(n, "")).collect();
    let newest: Vec<String> = (100..1_100).map(|n| format!("id-{n:04}")).collect();
    let first: Vec<String> = (0..1_000).map(|n| format!("id-{n:04}")).collect();
    let backwards = |items: &[String]| items.iter().rev().cloned().collect::<String>();
    for (items, expected) in [
        (dated.concat(), &newest),
        (backwards(&dated), &newest),
        (backwards(&undated), &newest),
        (undated.concat(), &first),
    ] {
        let server = WebServer::start(move |_| Response::page(page(&items)));
        let log = TestLog::new();
        poll(&feed(server.url("/rss")), &log).unwrap();
        assert_eq!(log.ids(), *expected);
    }
}

#[test]
fn a_relative_link_is_resolved_against_where_the_page_came_from_and_never_shows_a_query() {
    let items: String = ["#frag", "a/1", "?p=2", ""]
        .iter()
        .enumerate()
        .map(|(n, link)| {
            format!("<item><guid>{n}</guid><link>{link}</link><description>D</description></item>")
        })
        .collect();
    let served = page(&items);
    let target = WebServer::start_at("127.0.0.2:0", move |_| Response::page(served.clone()));
    let base = format!("http://127.0.0.2:{}/feeds/rss", target.port());
    let location = format!("{base}?token=s3cret2");
    let server = WebServer::start(move |_| Response::empty(302).with("location", location.clone()));
    let (log, feed) = (TestLog::new(), feed(server.url("/old?token=s3cret")));
    poll(&feed, &log).unwrap();
    let urls: Vec<String> = log.posts().into_iter().map(|post| post.url).collect();
    let folder = base.strip_suffix("rss").unwrap();
    assert_eq!(urls[..3], [format!("{base}#frag"), format!("{folder}a/1"), format!("{base}?p=2")]);
    for topic in ["hark.posts", "hark.cursors"] {
        let told = log.values(topic).iter().any(|value| String::from_utf8_lossy(value).contains("s3cret"));
        assert!(!told, "{topic}");
    }
}

#[test]
fn odd_fields_of_one_item_do_not_cost_the_page_of_a_json_feed() {
    let json = r#"{"version": "https://jsonfeed.org/version/1.1", "items": [
        {"id": 3, "content_text": "three", "tags": [1], "image": "https://b.example/3.png",
         "attachments": [{"url": "https://b.example/3.mp3", "size_in_bytes": 1.5}, 7]},
        7,
        {"id": 18446744073709551615, "title": 2026, "content_text": "two", "url": null, "author": {"name": "Ola"}},
        {"id": "1", "content_text": "one", "authors": "Ola", "date_published": false}]}"#;
    let posts = read(json);
    assert_eq!(ids(&posts), ["1", "18446744073709551615", "3"]);
    assert_eq!((&*posts[1].title, &*posts[1].author.as_ref().unwrap().name), ("2026", "Ola"));
    assert_eq!(posts[2].media_urls, ["https://b.example/3.png", "https://b.example/3.mp3"]);
    assert_eq!(posts[2].url, "", "what is attached is not the post");
    assert!(read_bytes(b"{\"version\": \"\xff\"}", None).unwrap_err().contains("not UTF-8"));
}

#[test]
fn relative_addresses_of_a_json_feed_start_where_the_page_came_from_and_its_ids_stay() {
    let json = r#"{"version": "https://jsonfeed.org/version/1.1", "home_page_url": "https://n.example/",
        "items": [{"id": "/posts/1", "url": "/posts/1", "content_text": "one", "image": "1.png",
                   "attachments": [{"url": "//cdn.example/1.mp3"}]},
                  {"id": "2", "external_url": "../2?p=2#top", "content_text": "two", "image": "data:,"},
                  {"id": "3", "url": "", "content_text": "three"}]}"#;
    let posts = read(json);
    assert_eq!(ids(&posts), ["3", "2", "/posts/1"]);
    let urls: Vec<&str> = posts.iter().map(|post| &*post.url).collect();
    assert_eq!(urls, ["", "https://n.example/2?p=2#top", "https://n.example/posts/1"]);
    assert_eq!(posts[2].media_urls, ["https://n.example/feeds/1.png", "https://cdn.example/1.mp3"]);
    assert!(posts[1].media_urls.is_empty());
}

#[test]
fn the_encoding_is_the_page_s_own_else_what_its_server_says() {
    let item = "<item><guid>1</guid><description>Za\u{17c}\u{f3}\u{142}\u{107}</description></item>";
    let said = page(item);
    let (bytes, _, _) = encoding_rs::WINDOWS_1250.encode(&said);
    let bytes = bytes.into_owned();
    let declared =
        |name: &str| [format!("<?xml version='1.0' encoding='{name}'?>").as_bytes(), &bytes].concat();
    let text = |page: &[u8], charset| read_bytes(page, charset).map(|posts| posts[0].text.clone());
    let right = Ok("Zażółć".to_owned());
    assert_eq!(text(&bytes, Some("windows-1250")), right);
    assert_eq!(text(&[b"<?xml version='1.0'?>", &bytes[..]].concat(), Some("Windows-1250")), right);
    assert_eq!(text(&declared("windows-1250"), Some("utf-8")), right, "what the page says counts more");
    assert_eq!(text(said.as_bytes(), Some("iso-8859-1")), right, "what is UTF-8 is hardly anything else");
    for (page, charset, why) in [
        (
            bytes.clone(),
            None,
            "its encoding is not UTF-8, and neither the page nor its server's content-type names another",
        ),
        (bytes.clone(), Some("utf-8"), "its encoding is not UTF-8, which its server names"),
        (bytes.clone(), Some("klingon"), "its server names an encoding that is not known: \"klingon\""),
        (declared("utf-8"), None, "its encoding is not utf-8, which it names"),
        (declared("klingon"), None, "it names an encoding that is not known: \"klingon\""),
    ] {
        assert_eq!(text(&page, charset), Err(why.to_owned()));
    }
    let server = WebServer::start(move |_| {
        Response::page(bytes.clone()).with("content-type", "application/rss+xml; charset=\"windows-1250\"")
    });
    let log = TestLog::new();
    poll(&feed(server.url("/rss")), &log).unwrap();
    assert_eq!(log.posts()[0].text, "Zażółć");
}

#[test]
fn url_media_and_author_are_the_post_s_own() {
    let item = "<item><comments>https://n.example/1#comments</comments><guid>1</guid>\
         <link>https://n.example/1</link><description>D</description></item>\
         <item><comments>https://n.example/2#comments</comments><guid>2</guid><description>D</description></item>";
    let urls: Vec<String> = read(&page(item)).into_iter().map(|post| post.url).collect();
    assert_eq!(urls, ["", "https://n.example/1"]);
    for (written, name) in [
        ("jan@x.example (Jan Kowalski)", "Jan Kowalski"),
        ("Jan Kowalski &lt;jan@x.example&gt;", "Jan Kowalski"),
        ("jan@x.example", ""),
        ("(Jan)", "Jan"),
        ("Jan (Reuters)", "Jan (Reuters)"),
        ("@jan", "@jan"),
    ] {
        let name_of = |posts: &[PostInput]| posts[0].author.clone().unwrap_or_default().name;
        let item =
            format!("<item><guid>1</guid><description>D</description><author>{written}</author></item>");
        assert_eq!(name_of(&read(&page(&item))), name, "{written}");
        let atom = format!(
            "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>F</title><id>f</id><entry><id>1</id>\
             <title>T</title><author><name>{written}</name></author></entry></feed>"
        );
        assert_eq!(name_of(&read(&atom)), name, "{written}");
    }
}

#[test]
fn a_page_that_the_parser_falls_over_is_a_failure_of_its_own() {
    let item = "<item><guid>1</guid><description>D</description><author>\u{2026}a@b.example</author></item>";
    let error = read_bytes(page(item).as_bytes(), None).unwrap_err();
    assert_eq!(error, "the parser of feeds cannot cope with it");
}

#[test]
fn a_dead_letter_names_its_entry() {
    let item =
        "<item><guid>g-1</guid><link>https://n.example/1</link><description>&lt;img&gt;</description></item>";
    let served = page(item);
    let server = WebServer::start(move |_| Response::page(served.clone()));
    let log = TestLog::new();
    poll(&feed(server.url("/rss")), &log).unwrap();
    let letter = DeadLetter::decode(&*log.values("hark.dead-letters")[0]).unwrap();
    assert!(letter.error.ends_with("(entry g-1, https://n.example/1)"), "{}", letter.error);
    let value = String::from_utf8(letter.value.unwrap()).unwrap();
    assert!(value.starts_with("id: g-1\n") && value.contains("url: https://n.example/1\n"), "{value}");
}

#[test]
fn once_says_why_a_feed_failed_and_what_to_do() {
    let server = WebServer::start(|_| Response::page(rss(&items(0..1))));
    let feed = Feed { allow_private: false, ..feed(server.url("/rss")) };
    let error = poll_once(&[feed], &TestLog::new(), &CancellationToken::new()).unwrap_err();
    let said = whole(&error);
    assert!(said.starts_with("the feed forum could not be polled: no answer: "), "{said}");
    assert!(said.contains("say `allow_private: true` if that is meant"), "{said}");
}
