//! The manifest beside the models: from what they were made, how, and how good they are.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use hark_text::Analyzer;
use serde_json::json;

use crate::{evaluate::Score, languages, tags};

/// Data set, licence, source.
const LICENCES: [(&str, &str, &str); 10] = [
    ("xed", "CC BY 4.0", "Helsinki-NLP/XED"),
    ("redv1", "MIT", "Alegzandra/RED-Romanian-Emotions-Dataset"),
    ("polemo_med", "CC BY-SA 4.0", "JakubJP/PJATK_ZUM, from PolEmo 2.0"),
    ("goemotions", "Apache-2.0", "monologg/GoEmotions-pytorch"),
    ("banking77", "CC BY 4.0", "PolyAI-LDN/task-specific-datasets"),
    ("clinc150", "CC BY 3.0", "clinc/oos-eval"),
    ("purchase", "MIT", "hasanimran96/Predicting-Consumer-Purchase-intention-using-Twitter-Data"),
    ("sms_spam", "CC BY 4.0", "UCI SMS Spam Collection, justmarkham/pycon-2016-tutorial"),
    (
        "poleval_cyber, komentarze",
        "BSD-3-Clause, CC BY 4.0",
        "ptaszynski/cyberbullying-Polish, krzjoa/Komentarze",
    ),
    ("ro_offense", "Apache-2.0", "readerbench/ro-offense"),
];

/// Writes `manifest.json`.
pub fn write(models: &Path, data: &Path, corpus: &Path, analyzer: &Analyzer, scores: &[Score]) -> Result<()> {
    let mut hashes = BTreeMap::new();
    for file in ["sentiment", "intents", "language"] {
        let name = format!("train/{file}.tsv.gz");
        hashes.insert(name.clone(), hash(&data.join(name))?);
    }
    let mut parts: Vec<_> = fs::read_dir(corpus)?.collect::<Result<_, _>>()?;
    parts.sort_by_key(fs::DirEntry::file_name);
    for part in parts {
        let name = part.file_name().to_string_lossy().into_owned();
        if name.ends_with(".train.jsonl") {
            hashes.insert(format!("corpus/{name}"), hash(&part.path())?);
        }
    }
    let licences: Vec<_> = LICENCES
        .iter()
        .map(|(set, licence, source)| json!({"set": set, "licence": licence, "source": source}))
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
