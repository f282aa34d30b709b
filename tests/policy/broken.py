"""Policies that are wrong in one way each: the text, the line:column of the fault, words that the error must hold."""

from __future__ import annotations

RULE = "summary: s\nrules:\n  - id: a\n"


def command(fields: str) -> str:
    return f"{RULE}    on: command\n{fields}    then: pass\n"


BROKEN: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "unknown action": (
        f"{RULE}    on: keyword\n    then: stripp\n",
        "5:11",
        ("then: unknown action 'stripp'", "did you mean 'strip'?"),
    ),
    "unknown action, long form": (
        f"{RULE}    on: command\n    then: {{rejct: 550}}\n",
        "5:12",
        ("'rejct'", "did you mean 'reject'?"),
    ),
    "two actions": (
        f"{RULE}    on: command\n    then: {{delay: 1, close: 421}}\n",
        "5:11",
        ("expected one action, found 2 actions",),
    ),
    "action as list": (f"{RULE}    on: command\n    then: [delay]\n", "5:11", ("expected one action, found a list",)),
    "unknown field of an action": (
        f"{RULE}    on: command\n    then:\n      reject:\n        txt: No\n",
        "7:9",
        ("then.reject.txt", "did you mean 'text'?"),
    ),
    "value for an action without fields": (
        f"{RULE}    on: payload\n    then: {{eat: 3}}\n",
        "5:17",
        ("'eat' takes no value, found 3", "write `then: eat`"),
    ),
    "cap without octets": (f"{RULE}    on: payload\n    then: cap\n", "5:11", ("'cap' needs octets",)),
    "slice of nothing": (
        f"{RULE}    on: reply\n    then: {{slice: 0}}\n",
        "5:19",
        ("then.slice", "from 1 to 65536, found 0"),
    ),
    "delay as text": (f"{RULE}    on: reply\n    then: {{delay: soon}}\n", "5:19", ("expected a number", "'soon'")),
    "endless delay": (f"{RULE}    on: reply\n    then: {{delay: .inf}}\n", "5:19", ("expected a number", "inf")),
    "CR LF in a text": (
        f'{RULE}    on: command\n    then: {{reject: {{text: "a\\r\\n250 b"}}}}\n',
        "5:27",
        ("printable ASCII", r"a\r\n250 b"),
    ),
    "enhanced code of another class": (
        f"{RULE}    on: command\n    then: {{reject: {{code: 451, enhanced: 5.7.1}}}}\n",
        "5:42",
        ("5.7.1 does not fit 451", "4.7.1"),
    ),
    "a refusal that says 354": (f"{RULE}    on: command\n    then: {{reject: 354}}\n", "5:20", ("cannot answer 354",)),
    "invented success": (
        f"{RULE}    on: message\n    then: {{reject: 250}}\n",
        "5:20",
        ("250 is a success that no server gave", "lies: true"),
    ),
    "refusal turned into success": (
        f"{RULE}    on: reply\n    then: {{rewrite: 250 Fine}}\n",
        "5:21",
        ("'250' may replace a refusal", "code: 2xx"),
    ),
    "reply rewritten to no reply": (
        f"{RULE}    on: reply\n    then: {{rewrite: Fine}}\n",
        "5:21",
        ("begins with a code",),
    ),
    "unknown placeholder": (
        f"{RULE}    on: command\n    then: {{rewrite: 'NOOP {{verbs}}'}}\n",
        "5:21",
        ("'{verbs}'", "did you mean 'verb'?"),
    ),
    "rewritten to a payload": (
        f"{RULE}    on: command\n    then: {{rewrite: BDAT 5}}\n",
        "5:21",
        ("BDAT begins a payload",),
    ),
    "advertised to nobody": (
        f"{RULE}    on: reply\n    code: 250\n    then: {{advertise: SIZE}}\n",
        "6:11",
        ("'advertise' is for a list of keywords", "say `verb: EHLO` and `code: 250`"),
    ),
    "advertised in a refusal": (
        f"{RULE}    on: reply\n    verb: EHLO\n    then: {{advertise: SIZE}}\n",
        "6:11",
        ("'advertise' is for a list of keywords",),
    ),
    "nothing advertised": (f"{RULE}    on: reply\n    then: advertise\n", "5:11", ("needs keywords", "8BITMIME")),
    "refused in mid-text": (
        f"{RULE}    on: line\n    then: {{reject: 550}}\n",
        "5:11",
        ("'reject' does nothing at `on: line`",),
    ),
    "line of a blob": (f"{RULE}    on: line\n    verb: XEXCH50\n    then: drop\n", "5:11", ("XEXCH50 has no line",)),
    "recipients of another verb": (
        command("    verb: MAIL\n    recipients: '> 1'\n"),
        "6:5",
        ("counts the RCPT commands", "say `verb: RCPT`"),
    ),
    "unknown section": (
        f"{RULE}    on: line\n    section: head\n    then: drop\n",
        "5:14",
        ("expected header or body, found 'head'",),
    ),
    "action at the wrong place": (
        f"{RULE}    on: command\n    then: strip\n",
        "5:11",
        ("'strip' does nothing at `on: command`", "works at: keyword"),
    ),
    "mask of the wrong kind": (
        f"{RULE}    on: greeting\n    then: mask\n",
        "5:11",
        ("not for a greeting", "`mask: banner`"),
    ),
    "unknown place": (
        f"{RULE}    on: keywrd\n    then: strip\n",
        "4:9",
        ("on: unknown word 'keywrd'", "did you mean 'keyword'?"),
    ),
    "no then": (f"{RULE}    on: command\n", "3:5", ("rule 1: the field 'then' is missing",)),
    "no id": ("summary: s\nrules:\n  - on: command\n    then: pass\n", "3:5", ("the field 'id' is missing",)),
    "bad id": (
        "summary: s\nrules:\n  - id: No Way\n    on: command\n    then: pass\n",
        "3:9",
        ("id: expected an id", "'No Way'"),
    ),
    "same id twice": (
        command("") + "  - id: a\n    on: reply\n    then: pass\n",
        "6:9",
        ("'a' is given twice, first in line 3",),
    ),
    "unknown field of a rule": (
        command("    keywrod: X*\n"),
        "5:5",
        ("keywrod: unknown field", "did you mean 'keyword'?"),
    ),
    "unknown setting": ("summary: s\non-uncertian: close\n", "2:1", ("unknown field", "did you mean 'on-uncertain'?")),
    "unknown word of a setting": ("summary: s\non-crash: open\n", "2:11", ("expected close or pass, found 'open'",)),
    "no summary": ("source: s\n", "1:1", ("the field 'summary' is missing",)),
    "empty summary": ("summary: ''\n", "1:10", ("summary: may not be empty",)),
    "number for text": ("summary: 5\n", "1:10", ("expected text, found 5", "quotes")),
    "yes for true": ("summary: s\nlies: yes\n", "2:7", ("expected true or false, found 'yes'", "did you mean true?")),
    "yes for true in YAML 1.1": ("%YAML 1.1\n---\nsummary: 1\n", "3:10", ("expected text",)),
    "rules as mapping": ("summary: s\nrules:\n  a: b\n", "3:3", ("expected a list of rules",)),
    "rule as word": ("summary: s\nrules:\n  - strip\n", "3:5", ("rule 1: expected fields and values, found 'strip'",)),
    "policy as list": ("- a\n", "1:1", ("expected fields and values, found a list",)),
    "policy as word": ("strip-xexch50\n", "1:1", ("expected fields and values",)),
    "condition at the wrong place": (
        command("    keyword: X*\n"),
        "5:5",
        ("nothing to judge at `on: command`", "possible at: keyword"),
    ),
    "code of a command": (
        command("    code: 5xx\n"),
        "5:5",
        ("nothing to judge", "possible at: greeting, reply, message"),
    ),
    "violation of a command": (command("    violation: nul\n"), "5:5", ("possible at: violation",)),
    "mistyped verb": (command("    verb: DAAT\n"), "5:11", ("unknown verb 'DAAT'", "did you mean 'DATA'?")),
    "letter for digit in a verb": (
        command("    verb: [NOOP, XEXCH5O]\n"),
        "5:18",
        ("'XEXCH5O'", "did you mean 'XEXCH50'?"),
    ),
    "verb with argument": (command("    verb: MAIL FROM\n"), "5:11", ("'MAIL FROM' is not a verb",)),
    "empty list of verbs": (command("    verb: []\n"), "5:11", ("the list is empty",)),
    "payload of a verb without": (
        f"{RULE}    on: payload\n    verb: NOOP\n    then: eat\n",
        "5:11",
        ("NOOP has no payload", "XEXCH50"),
    ),
    "size of a verb without": (command("    verb: NOOP\n    size: 5\n"), "6:5", ("no size is known when NOOP",)),
    "size of a text not yet seen": (
        f"{RULE}    on: payload\n    verb: DATA\n    size: 5\n    then: eat\n",
        "6:5",
        ("no size is known when DATA",),
    ),
    "size in words": (command("    size: large\n"), "5:11", ("expected a size in octets, found 'large'", "100..200")),
    "empty range": (command("    size: 9..3\n"), "5:11", ("the range 9..3 is empty",)),
    "broken expression": (command("    argument: '(a'\n"), "5:15", ("not a regular expression", "unterminated")),
    "wide character in an expression": (command("    argument: '€'\n"), "5:15", ("octets",)),
    "unknown state": (command("    state: [mail, recpt]\n"), "5:19", ("unknown state 'recpt'", "did you mean 'rcpt'?")),
    "unknown violation": (
        f"{RULE}    on: violation\n    violation: bare-fl\n    then: close\n",
        "5:16",
        ("'bare-fl'", "did you mean 'bare-lf'?"),
    ),
    "reply code out of range": (
        f"{RULE}    on: reply\n    code: 6xx\n    then: eat\n",
        "5:11",
        ("expected a reply code", "'6xx'"),
    ),
    "unknown network": (
        command("    client: internl\n"),
        "5:13",
        ("unknown network 'internl'", "did you mean 'internal'?"),
    ),
    "network with host bits": (
        command("    client: 10.0.0.1/8\n"),
        "5:13",
        ("is not a network", "did you mean '10.0.0.0/8'?"),
    ),
    "broken named network": (
        "summary: s\nnetworks:\n  lab: [10.0.0.0/8, 10.0.0.0/33]\n",
        "3:21",
        ("networks.lab", "'10.0.0.0/33' is not a network"),
    ),
    "bad network name": ("summary: s\nnetworks:\n  My Lab: 10.0.0.0/8\n", "3:3", ("cannot name a network",)),
    "limit of no verb": ("summary: s\nlimits: {XFROB: 99}\n", "2:10", ("XFROB is no verb of the table", "unknown")),
    "limit of a slip": ("summary: s\nlimits: {RCTP: 99}\n", "2:10", ("unknown verb 'RCTP'", "did you mean 'RCPT'?")),
    "limit too small": ("summary: s\nlimits: {NOOP: 5}\n", "2:16", ("from 6 to 16384, found 5",)),
    "limits as a number": ("summary: s\nlimits: 512\n", "2:9", ("expected verbs with octets, found 512",)),
    "normalised octets that are counted": (
        f"{RULE}    on: payload\n    verb: [DATA, BDAT]\n    then: normalise\n",
        "6:11",
        ("'normalise' is for text", "add `verb: DATA`"),
    ),
    "nth from zero": (command("    nth: 0\n"), "5:10", ("nth: expected a whole number from 1, found 0",)),
    "scope of nothing": (command("    scope: guard\n"), "5:5", ("neither",)),
    "scope of nobody known": (
        f"{RULE}    on: connect\n    first: 1\n    scope: recipient\n    then: close\n",
        "6:12",
        ("no recipient is known at `on: connect`", "possible at: command"),
    ),
    "unknown scope": (
        command("    first: 1\n    scope: recipent\n"),
        "6:12",
        ("'recipent'", "did you mean 'recipient'?"),
    ),
    "octets of a command": (
        f"{RULE}    on: command\n    then: {{reset: 1000}}\n",
        "5:19",
        ("no octets to count at `on: command`", "`after` is for: payload"),
    ),
    "octets of an AUTH line": (
        f"{RULE}    on: payload\n    verb: AUTH\n    then: {{close: {{after: 10}}}}\n",
        "6:11",
        ("'close' counts the octets of a message", "AUTH sends lines"),
    ),
    "words without a code": (
        f"{RULE}    on: command\n    then: {{close: {{text: Bye}}}}\n",
        "5:19",
        ("'close' says text but has no code",),
    ),
    "probability over 1": (command("    probability: 1.5\n"), "5:18", ("from 0 to 1, found 1.5",)),
    "truth for a number": (command("    first: true\n"), "5:12", ("first: expected a whole number", "found true")),
    "event as text": (command("    event: '20031'\n"), "5:12", ("found '20031'",)),
    "null for a condition": (command("    verb:\n"), "5:5", ("expected a verb, found nothing",)),
    "unknown parent": (
        "summary: s\nextends: strip-xexch5\n",
        "2:10",
        ("extends: no policy is called 'strip-xexch5'", "did you mean 'strip-xexch50'?"),
    ),
    "missing parent file": (
        "summary: s\nextends: [pass, ./gone.yaml]\n",
        "2:17",
        ("gone.yaml: cannot be read: No such file",),
    ),
    "its own parent": ("summary: s\nextends: ./x.yaml\n", "2:10", ("extends itself: x.yaml -> x.yaml",)),
    "unknown variant of a parent": (
        "summary: s\nextends: eat-blob:twice\n",
        "2:10",
        ("extends: the policy 'eat-blob' has no variant 'twice'", "it has no variants"),
    ),
    "variants as a list": ("summary: s\nvariants: [a]\n", "2:11", ("expected names with variants",)),
    "bad name of a variant": ("summary: s\nvariants:\n  Not Me: {summary: t}\n", "3:3", ("cannot name a variant",)),
    "variant without summary": (
        "summary: s\nvariants:\n  a: {lies: true}\n",
        "3:6",
        ("variant a: the field 'summary' is missing",),
    ),
    "variant as word": ("summary: s\nvariants:\n  a: b\n", "3:6", ("variant a: expected fields", "found 'b'")),
    "variant of a variant": (
        "summary: s\nvariants:\n  a:\n    summary: t\n    extends: pass\n",
        "5:5",
        ("variant a: extends: unknown field",),
    ),
    "fault in a variant's rule": (
        "summary: s\nvariants:\n  a:\n    summary: t\n    rules:\n      - {id: a, on: keyword, then: stripp}\n",
        "6:36",
        ("variant a: then: unknown action 'stripp'", "did you mean 'strip'?"),
    ),
    "a variant's own lie": (
        "summary: s\nvariants:\n  a: {summary: t}\n  b:\n    summary: u\n    rules:\n"
        "      - {id: a, on: command, then: {reject: 250}}\n",
        "7:45",
        ("variant b: then.reject.code", "250 is a success that no server gave"),
    ),
    "rules of a variant as mapping": (
        "summary: s\nvariants:\n  a: {summary: t, rules: {}}\n",
        "3:26",
        ("variant a: rules: expected a list of rules",),
    ),
    "duplicate key": ("summary: s\nsummary: t\n", "2:1", ("the key 'summary' is given twice, first in line 1",)),
    "key that is no word": ("summary: s\n[a]: b\n", "2:1", ("a key must be a word",)),
    "tag": ("summary: !!python/object:os.system s\n", "1:10", ("tag", "python/object:os.system", "not allowed")),
    "two documents": ("summary: s\n---\nsummary: t\n", "2:1", ("not valid YAML", "another document")),
    "open bracket": ("summary: [s\n", "2:1", ("not valid YAML", "flow sequence")),
    "tab": ("summary: s\nrules:\n\t- a\n", "3:1", ("not valid YAML", r"'\t'")),
    "undefined alias": ("summary: *s\n", "1:10", ("not valid YAML", "undefined alias")),
    "control character": ("summary: s\x07\n", "1:11", ("not valid YAML", r"'\x07'")),
    "alias of itself": ("summary: &a [*a]\n", "1:10", ("contains itself",)),
    "version of the future": ("%YAML 1.9\n---\nsummary: s\n", "1:1", ("not valid YAML", "(1, 9)")),
    "escape past Unicode": ('summary: "\\U99999999"\n', "1:1", ("not valid YAML",)),
    "empty file": ("", "1:1", ("the policy is empty",)),
    "only a comment": ("# nothing\n", "1:1", ("the policy is empty",)),
    "nested too deeply": ("summary: " + "[" * 1500, "1:1", ("nested too deeply",)),
}
