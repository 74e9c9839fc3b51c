//! What imports cannot be.

use super::{Case, NO_IMPORT, NO_SPAN, PAGE};

pub(in crate::cli::refuse) const IMPORTS: &[Case] = &[
    (
        &["import", "start", "/nope"],
        2,
        &["folder /nope: No such file", "hint: name a folder with pages, or a file that lists URLs"],
    ),
    (&["import", "start"], 2, &["<FROM>"]),
    (
        &["import", "start", "{bytes}"],
        2,
        &["bytes: its form is not known", "hint: name it with --format (urls, json, "],
    ),
    (&["import", "start", "{kind}"], 2, &["kind: its form is not known", "hint: name it with --format (urls, json, "]),
    (
        &["import", "start", "{kind}", "--format", "urls"],
        2,
        &["it holds no URL: line 1: ", "hint: if it has another form, name it with --format: "],
    ),
    (
        &["import", "start", "{kind}", "--format", "karakeep"],
        2,
        &["it is no karakeep: at byte ", "(0 items were read)", "hint: if it has another form"],
    ),
    (
        &["import", "start", "{kind}", "--format", "nope"],
        2,
        &["format \"nope\" is not known", "hint: formats: folder, "],
    ),
    (&["import", "start", "{kind}", "--format", "folder"], 2, &["kind is no folder", "hint: formats of lists: urls, "]),
    (
        &["import", "start", "{pages}", "--format", "urls"],
        2,
        &["pages is a folder, and format urls is one of lists", "hint: name the file, or leave the format out"],
    ),
    (
        &["import", "start", "{torn.json}"],
        2,
        &[
            "torn.json: it ends in the middle of ",
            "(1 items were read)",
            "hint: export it again, or take what is before",
        ],
    ),
    (
        &["import", "start", "{mixed}", "--strict"],
        2,
        &["mixed: line 2: \"javascript:alert(1)\" is no address of the web", "hint: without --strict such items are"],
    ),
    (
        &["import", "start", "{mixed}", "--kind", "nope"],
        2,
        &["no handler does kind \"nope\"", "hint: kinds that can be added: "],
    ),
    (
        &["import", "start", "{mixed}", "--kind", "odd"],
        2,
        &["does not match the schema of kind \"odd\"", "hint: `capstan handler inspect odd`"],
    ),
    (
        &["import", "start", "{mixed}", "--then", "nope"],
        2,
        &["no handler does kind \"nope\"", "hint: kinds that can be added: "],
    ),
    (
        &["import", "start", "{mixed}", "--then", "odd"],
        2,
        &["does not match the schema of kind \"odd\"", "hint: `capstan handler inspect odd`"],
    ),
    (
        &["import", "start", "{mixed}", "--then", "odd", "--then-payload", "{"],
        2,
        &["--then-payload is no JSON", "hint: quote it"],
    ),
    (&["import", "start", "{mixed}", "--then-payload", "{}"], 2, &["--then <KIND>"]),
    (&["import", "start", "{mixed}", "--chunk", "ten"], 2, &["invalid value 'ten' for '--chunk <CHUNK>'"]),
    (
        &["import", "start", "{empty}"],
        2,
        &["holds no file with one of the endings html", "hint: import.extensions in capstan.toml"],
    ),
    (
        &["import", "start", "{pages}", "--chunk", "0"],
        2,
        &["chunk 0 is out of range: 1 to 10000", "hint: it is how many items"],
    ),
    (&["import", "start", "{pages}", "--chunk", "10001"], 2, &["chunk 10001 is out of range: 1 to 10000", "hint: "]),
    (&["import", "start", "{pages}", "--sample", "0"], 2, &["a sample of 0 takes nothing", "hint: leave it out"]),
    (&["import", "show", "9"], 3, NO_IMPORT),
    (&["import", "show", "one"], 2, &["invalid value 'one' for '<ID>'"]),
    (&["import", "wait", "9"], 3, NO_IMPORT),
    (&["import", "wait", "1", "--timeout", "soon"], 2, &["\"soon\"", NO_SPAN]),
    (&["import", "pause", "9"], 3, NO_IMPORT),
    (&["import", "resume", "9"], 3, NO_IMPORT),
    (&["import", "cancel", "9"], 3, NO_IMPORT),
    (&["import", "pause", "-1"], 2, &["unexpected argument '-1'"]),
    (&["import", "pause", "1"], 1, &["import 1 is completed and cannot be paused", "hint: `capstan import show 1`"]),
    (&["import", "resume", "1"], 1, &["import 1 is completed and cannot be resumed", "hint: `capstan import show 1`"]),
    (
        &["import", "cancel", "1"],
        1,
        &["import 1 is completed and cannot be cancelled", "hint: `capstan import show 1`"],
    ),
    (&["import", "errors", "9"], 3, NO_IMPORT),
    (&["import", "errors", "9", "--export", "csv"], 3, NO_IMPORT),
    (&["import", "errors", "9", "--export", "csv", "--output", "{made}"], 3, NO_IMPORT),
    (
        &["import", "errors", "1", "--after", "x"],
        2,
        &["\"x\" is no place in the errors of import 1", "hint: it is what `next` of the page before says"],
    ),
    (&["import", "errors", "1", "--limit", "10001"], 2, PAGE),
    (&["import", "errors", "1", "--limit", "0"], 2, &["0 is not in 1.."]),
    (&["import", "errors", "1", "--export", "xml"], 2, &["invalid value 'xml'", "[possible values: csv, json]"]),
    (&["import", "errors", "1", "--export", "csv", "--limit", "3"], 2, &["cannot be used with"]),
    (&["import", "errors", "1", "--output", "{made}"], 2, &["--export <FORM>"]),
    (
        &["import", "errors", "1", "--export", "csv", "--output", "{kind}"],
        2,
        &["cannot write ", "kind: File exists", "hint: name a file that is not there yet"],
    ),
    (&["import", "list", "--limit", "10001"], 2, PAGE),
    (&["import", "list", "--before", "x"], 2, &["invalid value 'x' for '--before <ID>'"]),
    (&["import", "list", "--limit", "0"], 2, &["0 is not in 1.."]),
];
