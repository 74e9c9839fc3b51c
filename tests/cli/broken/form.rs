//! How each form of list is written.

/// Addresses of the good items.
pub(super) const A: &str = "https://a.example/";
pub(super) const B: &str = "https://b.example/";

/// How items are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Lines,
    Numbers,
}

/// What a list that ends in the middle of an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Nobody can tell: it has an item with a shorter address.
    Shorter,
    Torn,
}

/// How a form is written.
pub(super) struct Form {
    pub(super) name: &'static str,
    pub(super) head: &'static str,
    /// An item with an address and a title.
    pub(super) item: fn(&str, &str) -> String,
    pub(super) between: &'static str,
    pub(super) end: &'static str,
    pub(super) counted: Counted,
    pub(super) cut: Cut,
    /// What of an item lies in each other as deep as it is said, around or in one with this address.
    pub(super) deep: fn(&str, usize) -> String,
}

/// In what has no depth, a text of so many brackets.
fn flat(url: &str, deep: usize) -> String {
    format!("{url}{}", "[".repeat(deep))
}

fn array(deep: usize) -> String {
    "[".repeat(deep) + &"]".repeat(deep)
}

pub(super) const FORMS: [Form; 12] = [
    Form {
        name: "urls",
        head: "# mine\n",
        item: |url, _| format!("{url}\n"),
        between: "",
        end: "",
        counted: Counted::Lines,
        cut: Cut::Shorter,
        deep: |url, deep| flat(url, deep) + "\n",
    },
    Form {
        name: "json",
        head: "[",
        item: |url, title| format!(r#"{{"url": "{url}", "title": "{title}"}}"#),
        between: ",\n",
        end: "]\n",
        counted: Counted::Numbers,
        cut: Cut::Torn,
        deep: |url, deep| format!(r#"{{"url": "{url}", "tags": {}}}"#, array(deep)),
    },
    Form {
        name: "csv",
        head: "title,link\n",
        item: |url, title| format!("{title},{url}\n"),
        between: "",
        end: "",
        counted: Counted::Lines,
        cut: Cut::Shorter,
        deep: |url, deep| format!("X,{}\n", flat(url, deep)),
    },
    Form {
        name: "netscape",
        head: "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<TITLE>Bookmarks</TITLE>\n<DL><p>\n",
        item: |url, title| format!("<DT><A HREF=\"{url}\" ADD_DATE=\"1600000000\">{title}</A>\n"),
        between: "",
        end: "</DL><p>\n",
        counted: Counted::Lines,
        cut: Cut::Torn,
        deep: |url, deep| {
            let (open, close) = ("<DT><H3>F</H3><DL><p>".repeat(deep), "</DL><p>".repeat(deep));
            format!("{open}<DT><A HREF=\"{url}\">X</A>{close}\n")
        },
    },
    Form {
        name: "karakeep",
        head: "{\"bookmarks\":[",
        item: |url, title| {
            format!(
                r#"{{"createdAt":1720000000,"title":"{title}","tags":[],"content":{{"type":"link","url":"{url}"}},"note":null}}"#
            )
        },
        between: ",\n",
        end: "],\"lists\":[]}\n",
        counted: Counted::Numbers,
        cut: Cut::Torn,
        deep: |url, deep| format!(r#"{{"content":{{"url":"{url}","x":{}}}}}"#, array(deep)),
    },
    Form {
        name: "linkwarden",
        head: "{\"name\":\"Ada\",\"collections\":[{\"id\":1,\"name\":\"Maps\",\"links\":[",
        item: |url, title| format!(r#"{{"id":1,"name":"{title}","url":"{url}","tags":[],"importDate":null}}"#),
        between: ",\n",
        end: "]}]}\n",
        counted: Counted::Numbers,
        cut: Cut::Torn,
        deep: |url, deep| format!(r#"{{"url":"{url}","tags":{}}}"#, array(deep)),
    },
    Form {
        name: "omnivore",
        head: "[",
        item: |url, title| {
            format!(
                r#"{{"slug":"s","title":"{title}","url":"{url}","labels":[],"savedAt":"2024-03-04T05:06:07.089Z"}}"#
            )
        },
        between: ",\n",
        end: "]\n",
        counted: Counted::Numbers,
        cut: Cut::Torn,
        deep: |url, deep| format!(r#"{{"url":"{url}","labels":{}}}"#, array(deep)),
    },
    Form {
        name: "pocket",
        head: "title,url,time_added,tags,status\n",
        item: |url, title| format!("{title},{url},1500000000,,unread\n"),
        between: "",
        end: "",
        counted: Counted::Lines,
        cut: Cut::Shorter,
        deep: |url, deep| format!("X,{},,,\n", flat(url, deep)),
    },
    Form {
        name: "instapaper",
        head: "URL,Title,Selection,Folder,Timestamp,Tags\n",
        item: |url, title| format!("{url},{title},,Unread,1400000000,[]\n"),
        between: "",
        end: "",
        counted: Counted::Lines,
        cut: Cut::Shorter,
        deep: |url, deep| format!("{},X,,,,\n", flat(url, deep)),
    },
    Form {
        name: "readwise",
        head: "Title,URL,ID,Document tags,Saved date,Reading progress,Location,Seen\n",
        item: |url, title| format!("{title},{url},01gm,[],2022-11-06 04:33:50+00:00,0,new,True\n"),
        between: "",
        end: "",
        counted: Counted::Lines,
        cut: Cut::Shorter,
        deep: |url, deep| format!("X,{},,,,,,\n", flat(url, deep)),
    },
    Form {
        name: "onetab",
        head: "",
        item: |url, title| format!("{url} | {title}\n"),
        between: "",
        end: "",
        counted: Counted::Lines,
        cut: Cut::Shorter,
        deep: |url, deep| format!("{} | X\n", flat(url, deep)),
    },
    Form {
        name: "opml",
        head: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\"><body>\n",
        item: |url, title| format!("<outline type=\"link\" text=\"{title}\" url=\"{url}\"/>\n"),
        between: "",
        end: "</body></opml>\n",
        counted: Counted::Lines,
        cut: Cut::Torn,
        deep: |url, deep| {
            format!("{}<outline url=\"{url}\"/>{}\n", "<outline text=\"f\">".repeat(deep), "</outline>".repeat(deep))
        },
    },
];

impl Form {
    /// A list of these items, which are written already.
    pub(super) fn list(&self, items: &[String]) -> String {
        format!("{}{}{}", self.head, items.join(self.between), self.end)
    }

    /// A list of two good items with this one between them.
    pub(super) fn around(&self, item: String) -> String {
        self.list(&[(self.item)(A, "Ann"), item, (self.item)(B, "Bee")])
    }

    /// Where the item of this number stands, from 1.
    pub(super) fn place(&self, number: usize) -> (&'static str, u64) {
        let number = u64::try_from(number).unwrap();
        match self.counted {
            Counted::Lines => ("line", number + self.head.matches('\n').count() as u64),
            Counted::Numbers => ("number", number),
        }
    }
}
