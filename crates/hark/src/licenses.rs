//! `hark licenses`: whose work is in this program, and on which terms.

use std::{fmt::Write as _, process::ExitCode};

use anyhow::Context as _;
use serde::Deserialize;

use crate::{cli::Context, failure};

/// Arguments of `hark licenses`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the notices.
///
/// # Errors
/// The output cannot be written.
pub fn run(_: Args, _: &Context) -> anyhow::Result<ExitCode> {
    failure::print(&page()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Crates with licence and copyright notices, separated by tabs; a test keeps it in step with what is linked.
const CRATES: &str = include_str!("licenses/crates.tsv");
const TEXTS: &str = include_str!("licenses/texts.txt");
const APACHE: &str = include_str!("../../../LICENSE");

/// Libraries in C that crates bring along.
const C_LIBRARIES: &str = "\
librdkafka, BSD-2-Clause: Copyright (c) 2012-2022 Magnus Edenhill, 2023 Confluent Inc.
LZ4, BSD-2-Clause: Copyright (c) Yann Collet
OpenSSL, Apache-2.0: Copyright (c) The OpenSSL Project Authors
SQLite, public domain
zlib, Zlib: Copyright (c) Jean-loup Gailly and Mark Adler
Zstandard, BSD-3-Clause: Copyright (c) Meta Platforms, Inc. and affiliates
";

/// What is no training data and has no line in the models' manifest.
const DICTIONARIES: &str = "\
SGJP, BSD-2-Clause: Copyright (c) 2007-2026 Marcin Woliński, Zbigniew Bronk, Włodzimierz Gruszczyński, Witold Kieraś, Zygmunt Saloni, \
Danuta Skowrońska, Robert Wołosz; https://sgjp.pl (how Polish nouns inflect)
";

#[derive(Deserialize)]
struct Manifest {
    licences: Vec<DataSet>,
}

/// As hark-train writes it.
#[derive(Deserialize)]
struct DataSet {
    set: String,
    licence: String,
    by: String,
    source: String,
}

fn page() -> anyhow::Result<String> {
    let manifest: Manifest =
        serde_json::from_str(hark_text::MANIFEST).context("the models' manifest is damaged")?;
    let mut page = String::from("Hark is licensed under Apache-2.0.\n\n# Data\n\n");
    page.push_str(
        "The models hold weights that were computed from these data sets; no text of them is in this program. Nobody of those\n\
         named endorses Hark. CC BY: https://creativecommons.org/licenses/by/4.0/ (or /3.0/), CC BY-SA:\n\
         https://creativecommons.org/licenses/by-sa/4.0/\n\n",
    );
    for DataSet { set, licence, by, source } in &manifest.licences {
        writeln!(page, "{set}, {licence}: {by}; {source}")?;
    }
    page.push_str(DICTIONARIES);
    page.push_str("\n# Libraries\n\n");
    page.push_str(C_LIBRARIES);
    for line in CRATES.lines() {
        let mut fields = line.splitn(3, '\t');
        let mut field = || fields.next().unwrap_or_default();
        let (name, licence, notices) = (field(), field(), field());
        writeln!(page, "{name}, {licence}{}{notices}", if notices.is_empty() { "" } else { ": " })?;
    }
    write!(page, "\n# Licences\n\n{TEXTS}{APACHE}")?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::Path,
        process::Command,
    };

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_data_set_and_library_is_named_with_its_licence() {
        let page = page().unwrap();
        for part in [
            "xed, CC BY 4.0: ",
            "polemo_med, CC BY-SA 4.0: ",
            "\nSGJP, BSD-2-Clause: ",
            "\nserde, MIT OR Apache-2.0",
            "## ISC",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(page.contains("TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION"));
    }

    #[test]
    fn the_list_of_crates_is_what_is_linked() {
        let listed: BTreeMap<&str, &str> = CRATES.lines().filter_map(|line| line.split_once('\t')).collect();
        let linked = linked();
        if std::env::var_os("HARK_BLESS").is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/licenses/crates.tsv");
            fs::write(
                path,
                linked.iter().fold(String::new(), |list, (name, rest)| list + &format!("{name}\t{rest}\n")),
            )
            .unwrap();
            return;
        }
        let licence = |rest: &str| rest.split('\t').next().unwrap_or_default().to_owned();
        for (name, rest) in &linked {
            let known = listed.get(&**name).map(|rest| licence(rest));
            assert_eq!(known, Some(licence(rest)), "{name}: run `HARK_BLESS=1 cargo test -p hark licenses`");
        }
        let gone: Vec<_> = listed.keys().filter(|name| !linked.contains_key(**name)).collect();
        assert!(
            gone.is_empty(),
            "no longer linked: {gone:?}; run `HARK_BLESS=1 cargo test -p hark licenses`"
        );
    }

    /// Licence and copyright notices of every crate that ends up in the program on Linux.
    fn linked() -> BTreeMap<String, String> {
        let arguments = ["metadata", "--format-version=1", "--locked", "--offline"];
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let nodes: BTreeMap<String, Value> =
            list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
        let packages = list(&metadata["packages"]);
        let mut open: Vec<String> = packages
            .iter()
            .filter(|package| package["name"] == "hark")
            .map(|package| text(&package["id"]))
            .collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            for dependency in list(&nodes[&id]["deps"]) {
                if list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()) {
                    open.push(text(&dependency["pkg"]));
                }
            }
        }
        packages
            .iter()
            .filter(|package| seen.contains(&text(&package["id"])) && !package["source"].is_null())
            .map(|package| {
                let folder = text(&package["manifest_path"]);
                let notices = notices(Path::new(&folder).parent().unwrap());
                (text(&package["name"]), format!("{}\t{notices}", text(&package["license"])))
            })
            .collect()
    }

    /// Lines of the licence files that name whose copyright it is.
    fn notices(folder: &Path) -> String {
        let mut notices = BTreeSet::new();
        for file in fs::read_dir(folder).unwrap().flatten() {
            let name = file.file_name().to_string_lossy().to_uppercase();
            if !["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"]
                .iter()
                .any(|begin| name.starts_with(begin))
            {
                continue;
            }
            let Ok(text) = fs::read_to_string(file.path()) else { continue };
            for line in text.lines().map(str::trim) {
                let names_a_year = line.contains(|c: char| c.is_ascii_digit()) || line.contains("(c)");
                if line.starts_with("Copyright") && names_a_year && !line.contains("[yyyy]") {
                    notices.insert(line.replace('\t', " "));
                }
            }
        }
        notices.into_iter().collect::<Vec<_>>().join(" | ")
    }
}
