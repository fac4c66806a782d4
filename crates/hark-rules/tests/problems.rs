//! What a community manager reads after a slip in the rules.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by failing")]

use hark_rules::{Known, Router, Routing};
use hark_schema::v1::SubjectKind;

fn known() -> Known {
    Known {
        subjects: vec![("aurora".into(), SubjectKind::Own), ("garage".into(), SubjectKind::Topic)],
        sources: vec!["forum".into(), "reviews".into()],
        ..Known::default()
    }
}

fn problems(yaml: &str) -> Vec<String> {
    let found = match Routing::from_yaml(yaml) {
        Ok(routing) => Router::new(&routing, &known()).err().unwrap_or_default(),
        Err(problems) => problems,
    };
    found.iter().map(ToString::to_string).collect()
}

/// Teams `sales`, `support` and `triage` on line 1, the default on line 2, one rule on line 3.
fn of_rule(rule: &str) -> Vec<String> {
    problems(&format!(
        "teams: {{sales: {{}}, support: {{}}, triage: {{}}}}\ndefault: {{to: triage}}\nrules: [{rule}]\n"
    ))
}

#[test]
fn a_slip_in_a_rule_is_named_with_line_column_and_remedy() {
    for (rule, place, message) in [
        (
            "{name: a, when: {subjekt: aurora}, to: sales}",
            "subjekt",
            "unknown condition 'subjekt' in rule 'a'; did you mean 'subject'?",
        ),
        (
            "{name: a, when: {subject: auora}, to: sales}",
            "auora",
            "unknown subject 'auora' in 'subject' in rule 'a'; did you mean 'aurora'?",
        ),
        (
            "{name: a, when: {subject_kind: ownn}, to: sales}",
            "ownn",
            "unknown kind of subject 'ownn' in 'subject_kind' in rule 'a'; did you mean 'own'?",
        ),
        (
            "{name: a, when: {intent: [purchase, complain]}, to: sales}",
            "complain]",
            "unknown intent 'complain' in 'intent' in rule 'a'; did you mean 'complaint'?",
        ),
        (
            "{name: a, when: {intent: {name: purchase, min: 80}}, to: sales}",
            "80",
            "'min' of 'intent' in rule 'a' must be a number between 0 and 1, not the number 80",
        ),
        (
            "{name: a, when: {sentiment: sad}, to: sales}",
            "sad",
            "unknown sentiment 'sad' in 'sentiment' in rule 'a'; known are negative, neutral, positive",
        ),
        (
            "{name: a, when: {sentiment: {score: {max: -2}}}, to: sales}",
            "-2",
            "'max' of 'score' of 'sentiment' in rule 'a' must be a number between -1 and 1, not the number -2",
        ),
        (
            "{name: a, when: {sentiment: {}}, to: sales}",
            "{}",
            "'sentiment' in rule 'a' has neither 'label' nor 'score'",
        ),
        (
            "{name: a, when: {language: Polish}, to: sales}",
            "Polish",
            "unknown language 'Polish' in 'language' in rule 'a'; write 'pl'",
        ),
        (
            "{name: a, when: {language: xx}, to: sales}",
            "xx",
            "unknown language 'xx' in 'language' in rule 'a'; write a two-letter code such as pl, sv, it, ro, en, or und where none was recognised",
        ),
        (
            "{name: a, when: {source: froum}, to: sales}",
            "froum",
            "unknown source 'froum' in 'source' in rule 'a'; did you mean 'forum'?",
        ),
        (
            "{name: a, when: {source_kind: webhok}, to: sales}",
            "webhok",
            "unknown kind of source 'webhok' in 'source_kind' in rule 'a'; did you mean 'webhook'?",
        ),
        (
            "{name: a, when: {voice: staf}, to: sales}",
            "staf",
            "unknown voice 'staf' in 'voice' in rule 'a'; did you mean 'staff'?",
        ),
        (
            "{name: a, when: {author_followers: 5000}, to: sales}",
            "5000",
            "'author_followers' in rule 'a' must be a range, not the number 5000; write {min: 5000} or {max: 5000}",
        ),
        (
            "{name: a, when: {author_followers: {}}, to: sales}",
            "{}",
            "'author_followers' in rule 'a' has neither 'min' nor 'max'",
        ),
        (
            "{name: a, when: {author_followers: {min: 9, max: 3}}, to: sales}",
            "{min",
            "'author_followers' in rule 'a' can never hold: 'min' is greater than 'max'",
        ),
        ("{name: a, when: {}, to: sales}", "{}", "a condition in rule 'a' is empty"),
        (
            "{name: a, when: [{intent: spam}], to: sales}",
            "[{",
            "a condition in rule 'a' must be a map, not a list; write 'any:' or 'all:' before the list",
        ),
        (
            "{name: a, when: spam, to: sales}",
            "spam",
            "a condition in rule 'a' must be a map, not the text 'spam'; write it as {intent: purchase}",
        ),
        (
            "{name: a, when: {any: {intent: spam}}, to: sales}",
            "{intent",
            "'any' in rule 'a' must be a list of conditions, not a map; begin each condition with '- '",
        ),
        (
            "{name: a, when: {any: []}, to: sales}",
            "[]",
            "'any' in rule 'a' is an empty list; name at least one, or leave the key out",
        ),
        (
            "{name: a, when: {intent: spam}, to: slaes}",
            "slaes",
            "'to' of rule 'a' names the team 'slaes', which is not in 'teams'; did you mean 'sales'?",
        ),
        (
            "{name: a, when: {intent: spam}, to: sales, copy_to: [support, sales]}",
            "sales]",
            "rule 'a' copies to 'sales', which gets the item itself; leave the copy out",
        ),
        (
            "{name: a, when: {intent: spam}, to: sales, priority: 6}",
            "6",
            "'priority' of rule 'a' must be a whole number from 1 to 5, not the number 6",
        ),
        ("{name: a, when: {intent: spam}, to: sales, tags: ['']}", "''", "a tag of rule 'a' is empty"),
        (
            "{name: a, when: {intent: spam}}",
            "{name",
            "rule 'a' does not say what to do; add 'to: TEAM', 'drop: REASON' or 'continue: true'",
        ),
        (
            "{name: a, when: {intent: spam}, to: sales, drop: spam}",
            "spam}",
            "rule 'a' has both 'to' and 'drop'; keep one of them",
        ),
        (
            "{name: a, when: {intent: spam}, drop: spam, priority: 1}",
            "spam, ",
            "rule 'a' drops the mention and says what its item is like; nothing is left to carry 'priority', 'tags' or 'copy_to'",
        ),
        (
            "{name: a, when: {intent: spam}, continue: true, to: sales}",
            "sales",
            "rule 'a' has 'continue' and 'to'; a rule that continues sets tags, priority and copies only",
        ),
        (
            "{name: a, to: sales}",
            "{name",
            "rule 'a' lacks the key 'when'; what holds for every mention belongs into 'default'",
        ),
        ("{when: {intent: spam}, to: sales}", "{when", "rule 1 lacks the key 'name'"),
        (
            "{name: default, when: {intent: spam}, to: sales}",
            "default",
            "a rule cannot be named 'default'; that is the name of the last resort",
        ),
        (
            "{name: a, when: {intent: spam}, too: sales}",
            "too",
            "unknown key 'too' in rule 'a'; did you mean 'to'?",
        ),
        (
            "{name: a, when: {intent: spam}, to: sales, assign: rita}",
            "rita",
            "'assign' of rule 'a' names 'rita', which is no person and no roster; known are members, thread",
        ),
        (
            "{name: a, when: {theme: pricce}, to: sales}",
            "pricce",
            "unknown theme 'pricce' in 'theme' in rule 'a'; did you mean 'price'?",
        ),
        (
            "{name: a, when: {branch: gliwice}, to: sales}",
            "gliwice",
            "unknown branch 'gliwice' in 'branch' in rule 'a'",
        ),
        (
            "{name: a, when: {thread: {team: slaes}}, to: sales}",
            "slaes",
            "unknown team 'slaes' in 'team' of 'thread' in rule 'a'; did you mean 'sales'?",
        ),
        (
            "{name: a, when: {thread: {open: true}}, to: sales}",
            "open",
            "unknown key 'open' in 'thread' in rule 'a'; did you mean 'open_item'?",
        ),
        (
            "{name: a, when: {thread: {}}, to: sales}",
            "{}",
            "'thread' in rule 'a' asks nothing; write reply, open_item or team",
        ),
        (
            "{name: a, when: {local_time: {calendar: ofice, days: mon}}, to: sales}",
            "ofice",
            "unknown calendar 'ofice' in 'local_time' in rule 'a'",
        ),
        (
            "{name: a, when: {intent: spam}, to: {branch_of: place, fallback: sales}}",
            "{branch",
            "'to' of rule 'a' knows the team of no branch; add them: branches: {gliwice: {places: [Gliwice], team: sales-gliwice}}",
        ),
        (
            "{name: a, when: {intent: spam}, to: {branch_of: town, fallback: sales}}",
            "town",
            "unknown word 'town' for 'branch_of' of 'to' of rule 'a'; write 'place'",
        ),
        (
            "{name: a, when: {intent: spam}, to: sales, assign: members}",
            "members",
            "'assign' of rule 'a': the team 'sales' has no members; name them under 'members' of the team",
        ),
        (
            "{name: a, when: {intent: spam}, drop: spam, assign: thread}",
            "thread",
            "rule 'a' has 'assign' and no 'to'; a person is assigned by the rule that sends to a team",
        ),
        (
            "{name: a, when: {intent: spam}, to: sales, priority: {base: 9}}",
            "9",
            "'base' of 'priority' of rule 'a' must be a whole number from 1 to 5, not the number 9",
        ),
        (
            "{name: a, when: {intent: spam}, to: sales, priority: {}}",
            "{}",
            "'priority' of rule 'a' says nothing; write base, raise or lower",
        ),
    ] {
        let column = 9 + rule[..rule.rfind(place).unwrap()].chars().count();
        let expected = format!("3:{column}: {message}");
        let found = of_rule(rule);
        assert!(found.contains(&expected), "{rule}\nwanted {expected}\nfound {found:#?}");
    }
}

#[test]
fn every_problem_of_the_file_is_reported_at_once_and_in_its_order() {
    let found = problems(
        "teams:
  Sales: {}
  triage: {colour: red}
rules:
  - name: angry
    when: {intent: outrag}
    to: suport
  - name: angry
    when: {subject: aurora}
    to: triage
default: {to: triag}
",
    );
    assert_eq!(
        found,
        [
            "2:3: the name of team 'Sales' must be lower-case letters, digits and hyphens, at most 64; a 'label' may be anything",
            "3:12: unknown key 'colour' in team 'triage'; known are label, calendar, deputies, when_closed, pitches, members, lead",
            "6:20: unknown intent 'outrag' in 'intent' in rule 'angry'; did you mean 'outrage'?",
            "7:9: 'to' of rule 'angry' names the team 'suport', which is not in 'teams'; known are Sales, triage",
            "8:11: two rules are named 'angry'; give each its own name",
            "11:15: 'to' of 'default' names the team 'triag', which is not in 'teams'; did you mean 'triage'?",
        ]
    );
}

#[test]
fn a_file_without_teams_or_default_says_what_to_add() {
    assert_eq!(
        problems("rules: []\n"),
        [
            "the key 'teams' is missing; name at least one team: teams: {triage: {}}",
            "the key 'default' is missing; say which team gets what no rule takes: default: {to: triage}",
        ]
    );
    assert_eq!(
        problems("teams: {}\ndefault: {to: triage}"),
        [
            "1:8: 'teams' names no team; name at least one: teams: {triage: {}}",
            "2:15: 'to' of 'default' names the team 'triage', which is not in 'teams'",
        ]
    );
}

#[test]
fn a_slip_about_people_branches_themes_or_the_gate_is_named() {
    let around = "default: {to: a}\nteams: {a: {}, b: {pitches: true}}\n";
    let with = |rest: &str| format!("{around}{rest}\n");
    for (yaml, expected) in [
        (
            with("people: {anna: {deputies: olle}, olle: {deputies: anna}}"),
            "3:51: 'deputies' of person 'olle' go round in a circle: 'olle' would stand in for 'olle'",
        ),
        (
            with("people: {anna: {deputies: ole}, olle: {}}"),
            "3:27: 'deputies' of person 'anna' names 'ole', who is not in 'people'; did you mean 'olle'?",
        ),
        (
            with("people: {anna: {absences: 24.12.2026}}"),
            "3:27: '24.12.2026' in 'absences' of person 'anna' is not a day; write it as 2026-12-24",
        ),
        (
            with("people: {anna: {calendar: office}}"),
            "3:27: person 'anna' names the calendar 'office', which is not in 'calendars'",
        ),
        (
            with("people: {anna: {absences: {ical: leave.ics}}}"),
            "3:34: the file 'leave.ics' of 'absences' of person 'anna' is not at hand",
        ),
        (
            with("people: {thread: {}}"),
            "3:10: person 'thread' has a name that 'assign' uses for something else; give it another name",
        ),
        (
            with("people: {anna: {}}\nrosters: {anna: [anna]}"),
            "4:11: roster 'anna' has the name of a person; 'assign' could not tell them apart: give it another name",
        ),
        (
            with("people: {anna: {}}\nrosters: {early: {anna: 0}}"),
            "4:25: the share of 'anna' in roster 'early' must be a whole number from 1 to 100, not the number 0",
        ),
        (
            with("people: {anna: {}}\nrosters: {early: [anna, anna]}"),
            "4:25: roster 'early' names 'anna' twice",
        ),
        (
            "default: {to: a}\nteams: {a: {lead: anna}}\n".to_owned(),
            "2:19: 'lead' of team 'a' names 'anna', who is not in 'people'; add them: people: {anna: {}}",
        ),
        (
            "default: {to: a, assign: anna}\nteams: {a: {}}\npeople: {anna: {}}\n".to_owned(),
            "1:26: 'assign' of 'default' names anna, who is not in the team 'a'; add them to its members: teams: {a: {members: [anna]}}",
        ),
        (
            with("branches: {gliwice: {team: a}}"),
            "3:21: branch 'gliwice' has neither 'places' nor 'subjects'; say how it is recognised: places: [Gliwice]",
        ),
        (
            with("branches: {one: {places: Gliwice}, two: {places: gliwice}}"),
            "3:50: branch 'two' and branch 'one' are both at 'gliwice'",
        ),
        (
            with("branches: {one: {places: Gliwice, team: nowhere}}"),
            "3:41: 'team' of branch 'one' names the team 'nowhere', which is not in 'teams'; known are a, b",
        ),
        (
            with("branches: {one: {subjects: aurorra}}"),
            "3:28: unknown subject 'aurorra' in 'subjects' of branch 'one'; did you mean 'aurora'?",
        ),
        (with("themes: {delivery: x}"), "3:20: 'x' of theme 'delivery' is too short to tell anything"),
        (
            with("gate: {pitch_cooldown: 30}"),
            "3:24: 'pitch_cooldown' of 'gate' must be a length of time, not the number 30; write it as 30s, 5m, 2h or 7d",
        ),
        (with("gate: {pitch_cooldown: 3000d}"), "3:24: 'pitch_cooldown' of 'gate' is longer than two years"),
        (
            "default: {to: b}\nteams: {a: {}, b: {pitches: true}}\n".to_owned(),
            "1:15: 'to' of 'default' leads to 'b', which pitches, past the gate; name a team without 'pitches: true'",
        ),
        (
            "default: {to: a, copy_to: b}\nteams: {a: {}, b: {pitches: true}}\n".to_owned(),
            "1:27: 'copy_to' of 'default' leads to 'b', which pitches, past the gate; name a team without 'pitches: true'",
        ),
        (
            "default: {to: a, when_closed: {deputy: b}}\nteams: {a: {}, b: {pitches: true}}\n".to_owned(),
            "1:40: 'when_closed' of 'default' leads to 'b', which pitches, past the gate; name a team without 'pitches: true'",
        ),
        (
            "default: {to: a}\nteams: {a: {calendar: c, deputies: b}, b: {pitches: true}}\ncalendars: {c: {zone: UTC, hours: {mon: 09:00-16:00}}}\n".to_owned(),
            "2:36: 'deputies' of team 'a' leads to 'b', which pitches, past the gate; name a team without 'pitches: true'",
        ),
        (
            "default: {to: a}\nteams: {a: {}, thread: {}}\n".to_owned(),
            "2:16: a team cannot be named 'thread'; 'to: thread' is the team that owns the thread",
        ),
        (
            "default: {to: a}\nteams: {a: {}, old: {moved_to: nowhere}}\n".to_owned(),
            "2:32: 'moved_to' of team 'old' names the team 'nowhere', which is not in 'teams'; known are a",
        ),
        (
            "default: {to: old}\nteams: {a: {}, old: {moved_to: a}}\n".to_owned(),
            "1:15: 'to' of 'default' names the team 'old', which is no more; name 'a', which took over",
        ),
    ] {
        let found = problems(&yaml);
        assert_eq!(found, [expected], "{yaml}");
    }
}

#[test]
fn a_slip_in_calendars_or_deputies_is_named_with_place_and_remedy() {
    let around = "default: {to: a}\nteams: {a: {calendar: office}, b: {}}\n";
    let office = |keys: &str| format!("{around}calendars: {{office: {{{keys}}}}}\n");
    for (yaml, expected) in [
        (office("hours: {mon: 09:00-16:00}"), "3:21: calendar 'office' lacks the key 'zone'"),
        (
            office("zone: Europe/Stokholm, hours: {mon: 09:00-16:00}"),
            "3:28: unknown time zone 'Europe/Stokholm' in calendar 'office'; did you mean 'Europe/Stockholm'?",
        ),
        (
            office("zone: CEST9, hours: {mon: 09:00-16:00}"),
            "3:28: unknown time zone 'CEST9' in calendar 'office'; write a name of the IANA database such as Europe/Warsaw",
        ),
        (office("zone: UTC, hours: {}"), "3:40: calendar 'office' is never open"),
        (
            office("zone: UTC, hours: {monday: 09:00-16:00}"),
            "3:41: 'monday' in 'hours' of calendar 'office' is no day of the week; write mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri",
        ),
        (
            office("zone: UTC, hours: {mon-fri: 09:00-16:00, wed: 10:00-12:00}"),
            "3:63: 'hours' of calendar 'office' names wed twice",
        ),
        (
            office("zone: UTC, hours: {mon: 22:00-06:00}"),
            "3:46: '22:00-06:00' in 'hours' of calendar 'office' is not a span of hours; write it as 09:00-16:00; a night is two spans, 22:00-24:00 and on the next day 00:00-06:00",
        ),
        (
            office("zone: UTC, hours: {mon: ['09:00-12:00', '11:00-13:00']}"),
            "3:62: '11:00-13:00' in 'hours' of calendar 'office' overlaps another span of the day",
        ),
        (
            office("zone: UTC, hours: {mon: 09:00-16:00}, holidays: NO"),
            "3:70: the holidays of 'NO' in 'holidays' of calendar 'office' are not known; known are DE, GB, IT, PL, RO, SE, US; others come from a file: {ical: holidays.ics}",
        ),
        (
            office("zone: UTC, hours: {mon: 09:00-16:00}, closed: 24.12.2026"),
            "3:68: '24.12.2026' in 'closed' of calendar 'office' is not a day; write it as 2026-12-24",
        ),
        (
            office("zone: UTC, hours: {mon: 09:00-16:00}, closed: {from: 2026-02-01, to: 2026-01-01}"),
            "3:68: 'closed' of calendar 'office' ends before it begins: 2026-02-01 to 2026-01-01",
        ),
        (
            "default: {to: a}\nteams: {a: {calendar: offices}}\n".to_owned(),
            "2:23: team 'a' names the calendar 'offices', which is not in 'calendars'",
        ),
        (
            "default: {to: a}\nteams: {a: {deputies: b}, b: {}}\n".to_owned(),
            "2:23: 'deputies' of team 'a' would never matter: the team has no calendar; give it a 'calendar', or leave 'deputies' out",
        ),
        (
            "default: {to: a, respond_within: 30}\nteams: {a: {}}\n".to_owned(),
            "1:34: 'respond_within' of 'default' must be a length of time, not the number 30; write it as 30s, 5m, 2h or 7d",
        ),
        (
            "default: {to: a, respond_within: 400d}\nteams: {a: {}}\n".to_owned(),
            "1:34: 'respond_within' of 'default' is longer than a year",
        ),
        (
            "default: {to: a, respond_within: {time: 30m, clock: wal}}\nteams: {a: {}}\n".to_owned(),
            "1:53: unknown clock 'wal' in 'respond_within' of 'default'; did you mean 'wall'?",
        ),
        (
            "default: {to: a, when_closed: wait}\nteams: {a: {}}\n".to_owned(),
            "1:31: unknown word 'wait' in 'when_closed' of 'default'; write hold, ignore or {deputy: TEAM}",
        ),
        (
            "default: {to: a, when_closed: {deputy: a}}\nteams: {a: {}}\n".to_owned(),
            "1:40: 'when_closed' of 'default' names the team itself",
        ),
    ] {
        let found = problems(&yaml);
        assert_eq!(found, [expected], "{yaml}");
    }
    let found = of_rule("{name: a, when: {intent: spam}, drop: spam, respond_within: 30m}");
    assert_eq!(
        found,
        [
            "3:9: rule 'a' has a deadline and no 'to'; 'respond_within' and 'when_closed' are for rules that send to a team"
        ]
    );
}

#[test]
fn deputies_that_go_round_in_a_circle_are_refused() {
    let found = problems(
        "default: {to: a}
calendars: {office: {zone: UTC, hours: {mon: 09:00-16:00}}}
teams:
  a: {calendar: office, deputies: [b]}
  b: {calendar: office, deputies: [c]}
  c: {calendar: office, deputies: [d, a]}
  d: {}
",
    );
    assert_eq!(found, ["6:39: 'deputies' of team 'c' go round in a circle: 'c' is a deputy of its own"]);
}

#[test]
fn a_definition_must_stand_above_its_use_and_stay_small() {
    let around = "teams: {a: {}}\ndefault: {to: a}\n";
    assert_eq!(
        problems(&format!("{around}define: {{one: {{is: two}}, two: {{intent: spam}}}}\n")),
        ["3:20: 'is' in the definition 'one' names 'two', which 'define' does not have above it"]
    );
    assert_eq!(
        problems(&format!(
            "{around}define: {{big voice: {{intent: spam}}}}\nrules: [{{name: r, when: {{is: bigvoice}}, to: a}}]\n"
        )),
        [
            "4:30: 'is' in rule 'r' names 'bigvoice', which 'define' does not have above it; did you mean 'big voice'?"
        ]
    );
    let mut laughs = "define:\n  d0: {any: [{intent: spam}, {intent: praise}]}\n".to_owned();
    for number in 1..40 {
        laughs.push_str(&format!("  d{number}: {{all: [{{is: d{0}}}, {{is: d{0}}}]}}\n", number - 1));
    }
    let found = problems(&format!("{around}{laughs}"));
    assert!(found[0].contains("consists of more than 10000 conditions"), "{found:#?}");
}

#[test]
fn a_pattern_that_is_none_says_why() {
    let found = of_rule("{name: a, when: {matches: 'order ('}, to: sales}");
    assert_eq!(
        found,
        [
            "3:35: 'matches' in rule 'a' is not a regular expression: unclosed group; for words as they are said, use 'text'"
        ]
    );
    let found = of_rule("{name: a, when: {matches: '(a{1000}){1000}'}, to: sales}");
    assert!(found[0].contains("is not a regular expression: "), "{found:#?}");
}

#[test]
fn conditions_nested_without_end_are_refused() {
    let deep = format!("{}{{intent: spam}}{}", "{not: ".repeat(40), "}".repeat(40));
    let found = of_rule(&format!("{{name: a, when: {deep}, to: sales}}"));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("nested more than 16 deep"), "{found:#?}");
}
