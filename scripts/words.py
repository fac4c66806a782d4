#!/usr/bin/env python3
"""Writes what the matcher knows of words: models/words.bin and models/polish.bin of hark-text.

words.bin   the common words of Polish, Swedish, Italian, Romanian and English: how many there are (u32), their hashes
            (u32, ascending), and for each a byte with a bit for each language it is a word of (pl sv it ro en, from the lowest);
            the sixth bit says that it is, without diacritics, a form of a first name.
polish.bin  how Polish nouns inflect: length of the table of paradigms in bytes (u32), the table as text, a line for each paradigm,
            of "<letters cut off the end of the base form><ending>" separated by spaces; then the number of nouns (u32), their
            hashes (u32, ascending), and the line of each (u16).
Numbers are little-endian; the hash is 32-bit FNV-1a of the lower-case word in UTF-8.

Words are those of the training texts (shared/data, the corpus of hark-train) and of the lists in lexicon/words of hark-text. Paradigms are those of SGJP, the
Grammatical Dictionary of Polish (BSD-2-Clause), through PyPI morfeusz2.

Usage: pip install morfeusz2==1.99.15; scripts/words.py [DATA]     (DATA defaults to ../shared/data)
"""

import collections
import gzip
import itertools
import json
import pathlib
import re
import struct
import sys

import morfeusz2

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared/data"
MODELS = ROOT / "crates/hark-text/models"
LANGUAGES = ["pl", "sv", "it", "ro", "en"]
# A word is common in a language when it stands there so often in small letters: the less text, the fewer times.
LEAST = {"sv": 2, "it": 2, "ro": 3, "en": 3}

# Words, written without diacritics, that are other words than those with them.
ROMANIAN_BARE = "peste tata tari para par pari rata rate fata sa la ca o a si el ai mai an va in dai pot car vin sta hai cad iau un".split()

# Brands that people write small so often that they look like words. Not those that are words: who writes capitals and
# `biedronka` means the beetle.
BRANDS = set("""fiat paypal google facebook iphone samsung nokia twitter youtube whatsapp instagram amazon netflix ikea volvo bmw audi
    tesla ford opel citroen mercedes toyota honda mazda skoda renault peugeot volkswagen porsche ferrari jeep adidas nike allegro
    huawei xiaomi sony spotify tiktok uber lidl tesco auchan carrefour lenovo dell intel microsoft windows android
    suzuki nissan hyundai kia dacia lexus subaru chevrolet polonez maluch emag orlen""".split())


def listed(name):
    """Hand-written words: those that names are or could be made of, which the texts lack."""
    return (ROOT / "crates/hark-text/lexicon/words" / f"{name}.txt").read_text(encoding="utf-8").split()


def fnv(word):
    value = 0x811C9DC5
    for byte in word.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def texts():
    with gzip.open(DATA / "train/language.tsv.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            _, language, text = line.rstrip("\n").split("\t", 2)
            yield language, text
    for language, part in itertools.product(LANGUAGES, ("train", "everyday")):
        with open(ROOT / f"crates/hark-train/corpus/{language}.{part}.jsonl", encoding="utf-8") as lines:
            for line in lines:
                yield language, json.loads(line)["text"]


def counts():
    """Texts in which each word stands in small letters, less those in which it has a capital: names are written small, too."""
    small = {language: collections.Counter() for language in LANGUAGES}
    capital = {language: collections.Counter() for language in LANGUAGES}
    all_letters = collections.Counter()
    for language, text in texts():
        if language not in small:
            continue
        words = set(re.findall(r"\w+", text.replace("ş", "ș").replace("ţ", "ț")))
        small[language].update(word for word in words if len(word) > 1 and word.isalpha() and word.islower())
        # The first word of a sentence has a capital whatever it is.
        inner = set(re.findall(r"(?<=[\w,] )\w+", text.replace("ş", "ș").replace("ţ", "ț")))
        capital[language].update(word.lower() for word in inner if word.istitle())
        if language == "pl":
            all_letters.update(word.lower() for word in words)
    for language, words in small.items():
        for word, count in capital[language].items():
            if count >= words[word]:
                words.pop(word, None)
    return small, capital, all_letters


def bare(word):
    return word.translate(str.maketrans("ăâîșțåäöàèéêëìòùąćęłńóśźż", "aaistaaoaeeeeiouacelnoszz"))


def is_name(names):
    return any(name.split("_")[0] in ("imię", "nazwisko") or "geograficzn" in name or name == "nazwa_własna" for name in names)


def parts():
    """Words that Swedish compounds are made of."""
    with open(ROOT / "crates/hark-text/lexicon/parts.sv.txt", encoding="utf-8") as lines:
        return [word for line in lines if not line.startswith("#") for word in line.split()]


def common_words(small, capital, dictionary):
    known = collections.defaultdict(int)
    for bit, language in enumerate(LANGUAGES):
        if language == "pl":
            # The dictionary knows words from slips.
            words = [
                word
                for word in small["pl"]
                if any(
                    tag != "ign" and not is_name(names) and lemma.split(":")[0].lower() not in BRANDS
                    for _, _, (_, lemma, tag, names, _) in dictionary.analyse(word)
                )
            ]
        else:
            # People leave diacritics out: "masina" is no word beside "mașină", while "har" is one beside "hår". Romanians leave
            # them out so often that counting tells nothing.
            marked = collections.Counter()
            for word, count in (small[language] + capital[language]).items():
                if not word.isascii():
                    marked[bare(word)] += count
            words = [
                word
                for word, count in small[language].items()
                if count >= LEAST[language]
                and not (word.isascii() and marked[word] and (language == "ro" or 2 * marked[word] > count))
            ]
            if language == "ro":
                words += [word for word in ROMANIAN_BARE if word in small["ro"]]
            if language == "sv":
                words += parts()
        hand = listed(language)
        if language == "pl":
            hand += [form for word in hand for form in forms(word, dictionary)]
        # Names that Romanians write small, without diacritics, and with the article as it is heard.
        names = [name for name in listed("ro.names") if language == "ro"]
        names = {form for name in names for heard in (name, name.removesuffix("l")) for form in (heard, bare(heard))}
        for word in {*words, *hand} - BRANDS - names:
            known[fnv(word)] |= 1 << bit
    for name in first_names(dictionary):
        known[fnv(name)] |= 1 << len(LANGUAGES)
    return known


def forms(lemma, dictionary):
    """Of a common noun or adjective."""
    for form, _, tag, names, _ in dictionary.generate(lemma):
        if tag.split(":")[0] in ("subst", "adj") and "depr" not in tag and form.isalpha() and form.islower() and not is_name(names):
            yield form


def first_names(dictionary):
    """Folded, in the cases of Polish and Romanian, with the genitive of Swedish and English."""
    names = set()
    for language in LANGUAGES:
        for name in listed(f"{language}.first"):
            names.add(name)
            if language == "pl":
                known = [form.lower() for form, _, tag, _, _ in dictionary.generate(name.capitalize()) if tag.startswith("subst:sg")]
                stem = name.removesuffix("a")
                # Of a foreign name that the dictionary lacks.
                names.update(known or [stem + ending for ending in (("y", "ie", "ę", "ą") if stem < name else ("a", "owi", "em"))])
            elif language in ("sv", "en"):
                names.add(name + "s")
            elif language == "ro" and name.endswith("a"):
                names.update({name[:-1] + "ei", name[:-1] + "ăi", name[:-2] + "iei" if name.endswith("ia") else name})
    return {bare(name).replace("ø", "o") for name in names if name.isalpha()}


def paradigm(lemma, dictionary):
    """Endings of a noun: what to cut off the lower-case base form, and what to put there."""
    base = lemma.lower()
    endings = set()
    for form, _, tag, _, qualifiers in dictionary.generate(lemma):
        kind = tag.split(":")
        if kind[0] not in ("subst", "ger") or "depr" in tag or not form.isalpha():
            continue
        form = form.lower()
        same = 0
        while same < min(len(base), len(form)) and base[same] == form[same]:
            same += 1
        endings.add(f"{len(base) - same}{form[same:]}")
    return endings


def nouns(all_letters, dictionary):
    lemmas = set()
    for word in [*all_letters, *listed("pl")]:
        for spelling in (word, word.capitalize()):
            for _, _, (_, lemma, tag, _, _) in dictionary.analyse(spelling):
                lemma = lemma.split(":")[0]
                if tag.split(":")[0] == "subst" and lemma.isalpha():
                    lemmas.add(lemma)
    together = collections.defaultdict(set)
    for lemma in sorted(lemmas):
        names = [name for _, _, tag, names, _ in dictionary.generate(lemma) if tag.startswith("subst") for name in names]
        # Surnames follow the rules; as words they would only add their endings to common nouns.
        if lemma[0].isupper() and not any("imię" in name or "geograficzna" in name for name in names):
            continue
        together[lemma.lower(), lemma[0].isupper()] |= paradigm(lemma, dictionary)
    return {lemma: endings for lemma, endings in together.items() if len(endings) > 1}


def main():
    dictionary = morfeusz2.Morfeusz(expand_tags=False)
    small, capital, all_letters = counts()
    known = sorted(common_words(small, capital, dictionary).items())
    with open(MODELS / "words.bin", "wb") as out:
        out.write(struct.pack("<I", len(known)))
        out.write(b"".join(struct.pack("<I", word) for word, _ in known))
        out.write(bytes(languages for _, languages in known))
    paradigms, lines = [], {}
    for (lemma, capital), endings in nouns(all_letters, dictionary).items():
        line = " ".join(sorted(endings))
        # A name and a common noun that are written alike are two entries.
        paradigms.append((fnv(lemma.capitalize() if capital else lemma), lines.setdefault(line, len(lines))))
    paradigms.sort()
    table = "\n".join(lines).encode()
    with open(MODELS / "polish.bin", "wb") as out:
        out.write(struct.pack("<I", len(table)) + table + struct.pack("<I", len(paradigms)))
        out.write(b"".join(struct.pack("<I", lemma) for lemma, _ in paradigms))
        out.write(b"".join(struct.pack("<H", line) for _, line in paradigms))
    print(f"{len(known)} common words, {len(paradigms)} Polish nouns of {len(lines)} paradigms")


main()
