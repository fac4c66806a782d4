//! Names and words as they are compared: in lower case, and without the diacritics of the five languages.

/// The whole text.
pub(crate) fn folded(text: &str) -> String {
    letters(text).collect()
}

/// Letter by letter. Combining marks belong to the letter before them.
pub(crate) fn letters(text: &str) -> impl Iterator<Item = char> {
    let marks = '\u{300}'..='\u{36f}';
    text.chars().flat_map(char::to_lowercase).filter(move |letter| !marks.contains(letter)).map(plain)
}

fn plain(letter: char) -> char {
    match letter {
        'ą' | 'ä' | 'å' | 'à' | 'á' | 'â' | 'ă' => 'a',
        'ć' => 'c',
        'ę' | 'è' | 'é' => 'e',
        'ì' | 'í' | 'î' => 'i',
        'ł' => 'l',
        'ń' => 'n',
        'ó' | 'ö' | 'ò' => 'o',
        // Romanian is written with commas below, and often with cedillas.
        'ś' | 'ș' | 'ş' => 's',
        'ț' | 'ţ' => 't',
        'ù' | 'ú' | 'ü' => 'u',
        'ź' | 'ż' => 'z',
        other => other,
    }
}
