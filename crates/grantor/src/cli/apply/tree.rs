//! A file of TOML, YAML or JSON as one kind of tree, with the line of every entry.

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::Spanned;
use std::collections::HashSet;
use std::fmt;
use toml::de::{DeTable, DeValue};

/// The languages that a file may be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    Toml,
    Yaml,
    Json,
}

impl Language {
    pub fn of_extension(extension: &str) -> Option<Self> {
        Some(match extension {
            "toml" => Self::Toml,
            "yaml" | "yml" => Self::Yaml,
            "json" => Self::Json,
            _ => return None,
        })
    }
}

/// A value and the line that it is on; line 0 is unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub line: usize,
    pub tree: Tree,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file. No key is there twice.
    Table(Vec<(String, Node)>),
}

impl Node {
    pub fn json(&self) -> Value {
        match &self.tree {
            Tree::Null => Value::Null,
            Tree::Bool(yes) => Value::Bool(*yes),
            Tree::Number(number) => Value::Number(number.clone()),
            Tree::Text(text) => Value::String(text.clone()),
            Tree::List(items) => items.iter().map(Self::json).collect(),
            Tree::Table(entries) => entries.iter().map(|(key, node)| (key.clone(), node.json())).collect(),
        }
    }

    /// In words, for complaints.
    pub fn kind(&self) -> &'static str {
        match self.tree {
            Tree::Null => "nothing",
            Tree::Bool(_) => "true or false",
            Tree::Number(_) => "a number",
            Tree::Text(_) => "text",
            Tree::List(_) => "a list",
            Tree::Table(_) => "a table",
        }
    }
}

/// What is no file of its language: on which line, and what is wrong.
#[derive(Debug, PartialEq)]
pub struct Malformed {
    pub line: usize,
    pub wrong: String,
}

/// Reads the whole of a text.
pub fn parse(text: &str, language: Language) -> Result<Node, Vec<Malformed>> {
    match language {
        Language::Toml => toml(text),
        Language::Yaml => yaml(text).map_err(|error| vec![error]),
        Language::Json => json(text).map_err(|error| vec![error]),
    }
}

fn toml(text: &str) -> Result<Node, Vec<Malformed>> {
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut malformed: Vec<Malformed> = errors
        .iter()
        .map(|error| Malformed {
            line: lines.at(error.span().map_or(0, |span| span.start)),
            wrong: format!("this is not TOML ({}); see https://toml.io", error.message()),
        })
        .collect();
    if !malformed.is_empty() {
        malformed.sort_by_key(|error| error.line);
        return Err(malformed);
    }
    toml_table(table.get_ref(), 1, &lines).map_err(|error| vec![error])
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    fn at(&self, offset: usize) -> usize {
        1 + self.0.partition_point(|newline| *newline < offset)
    }
}

fn toml_table(table: &DeTable<'_>, line: usize, lines: &Lines) -> Result<Node, Malformed> {
    let mut entries: Vec<(usize, String, Node)> = Vec::with_capacity(table.len());
    for (key, value) in table {
        let at = key.span().start;
        entries.push((at, key.get_ref().to_string(), toml_value(value.get_ref(), lines.at(at), lines)?));
    }
    entries.sort_by_key(|(at, ..)| *at);
    let entries = entries.into_iter().map(|(_, key, node)| (key, node)).collect();
    Ok(Node { line, tree: Tree::Table(entries) })
}

fn toml_value(value: &DeValue<'_>, line: usize, lines: &Lines) -> Result<Node, Malformed> {
    let too_large = |what: &str| Malformed { line, wrong: format!("{what} is no number that JSON can hold") };
    let tree = match value {
        DeValue::String(text) => Tree::Text(text.to_string()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Tree::Number(parsed.map_err(|_| too_large(number.as_str()))?.into())
        }
        DeValue::Float(number) => {
            let parsed = number.as_str().parse().ok().and_then(Number::from_f64);
            Tree::Number(parsed.ok_or_else(|| too_large(number.as_str()))?)
        }
        DeValue::Boolean(yes) => Tree::Bool(*yes),
        DeValue::Datetime(at) => Tree::Text(at.to_string()),
        DeValue::Array(items) => {
            let item =
                |value: &toml::Spanned<DeValue<'_>>| toml_value(value.get_ref(), lines.at(value.span().start), lines);
            Tree::List(items.iter().map(item).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => return toml_table(table, line, lines),
    };
    Ok(Node { line, tree })
}

fn yaml(text: &str) -> Result<Node, Malformed> {
    let parsed: Result<Entry<true>, _> = serde_saphyr::from_str(text);
    parsed.map(|root| root.0).map_err(|error| {
        let error = error.without_snippet();
        let line = error.location().map_or(0, |at| at.line() as usize);
        Malformed { line, wrong: format!("this is not YAML that can be read here ({error})") }
    })
}

/// JSON is read twice: strictly, and then as the YAML that it nearly is, which knows the lines.
fn json(text: &str) -> Result<Node, Malformed> {
    let strict: Entry<false> = serde_json::from_str(text)
        .map_err(|error| Malformed { line: error.line(), wrong: format!("this is not JSON ({error})") })?;
    let with_lines = yaml(text).ok().filter(|node| node.json() == strict.0.json());
    Ok(with_lines.unwrap_or(strict.0))
}

/// A node, being read. `PLACED` says whether the format knows where things are.
struct Entry<const PLACED: bool>(Node);

impl<'de> Deserialize<'de> for Entry<true> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Spanned::<Bare<true>>::deserialize(deserializer)?;
        Ok(Self(Node { line: read.referenced.line() as usize, tree: read.value.0 }))
    }
}

impl<'de> Deserialize<'de> for Entry<false> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Bare::<false>::deserialize(deserializer).map(|read| Self(Node { line: 0, tree: read.0 }))
    }
}

/// A value without its place; what is in it has places.
struct Bare<const PLACED: bool>(Tree);

impl<'de, const PLACED: bool> Deserialize<'de> for Bare<PLACED>
where
    Entry<PLACED>: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor::<PLACED>).map(Self)
    }
}

struct TreeVisitor<const PLACED: bool>;

impl<'de, const PLACED: bool> Visitor<'de> for TreeVisitor<PLACED>
where
    Entry<PLACED>: Deserialize<'de>,
{
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Bare::<PLACED>::deserialize(deserializer).map(|read| read.0)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(yes))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Tree, E> {
        Number::from_f64(number).map(Tree::Number).ok_or_else(|| E::custom(format!("{number} is no number in JSON")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Entry<PLACED>>()? {
            list.push(item.0);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut names = HashSet::new();
        while let Some(key) = map.next_key::<Entry<PLACED>>()? {
            let Node { line, tree: Tree::Text(name) } = key.0 else {
                return Err(A::Error::custom("a key is no text; write it in quotes"));
            };
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format!("the key '{name}' is there twice")));
            }
            let value = map.next_value::<Entry<PLACED>>()?.0;
            entries.push((name, Node { line, ..value }));
        }
        Ok(Tree::Table(entries))
    }
}
