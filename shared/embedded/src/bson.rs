//! As much BSON as a handful of administrative commands needs.
//!
//! The MongoDB driver belongs to the store alone; starting a replica set is three documents with
//! strings and numbers in them.

/// A value that a command sends or reads; what nobody here reads decodes to [`Value::Other`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Double(f64),
    String(String),
    Document(Document),
    Array(Vec<Value>),
    Bool(bool),
    Int32(i32),
    Int64(i64),
    Other,
}

/// An ordered list of named values: the first name of a command is the command.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Document(Vec<(String, Value)>);

impl Document {
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.0.push((name.to_owned(), value));
        self
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn document(&self, name: &str) -> Option<&Document> {
        match self.value(name)? {
            Value::Document(document) => Some(document),
            _ => None,
        }
    }

    pub(crate) fn array(&self, name: &str) -> &[Value] {
        match self.value(name) {
            Some(Value::Array(values)) => values,
            _ => &[],
        }
    }

    /// A number of any width, as the server is free to choose it.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Int32(number) => Some(i64::from(*number)),
            Value::Int64(number) => Some(*number),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "versions and codes are small"
            )]
            Value::Double(number) => Some(*number as i64),
            _ => None,
        }
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.value(name) == Some(&Value::Bool(true))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.0 {
            encode_element(&mut body, name, value);
        }
        enclose(body)
    }

    /// Decodes one document from the front; `None` when the bytes are no BSON.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader { bytes };
        reader.document()
    }
}

fn enclose(body: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(body.len() + 5).expect("commands are short");
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(body);
    bytes.push(0);
    bytes
}

fn encode_element(out: &mut Vec<u8>, name: &str, value: &Value) {
    let (tag, payload) = match value {
        Value::Double(number) => (0x01, number.to_le_bytes().to_vec()),
        Value::String(text) => (0x02, encode_text(text)),
        Value::Document(document) => (0x03, document.encode()),
        Value::Array(values) => (0x04, encode_array(values)),
        Value::Bool(truth) => (0x08, vec![u8::from(*truth)]),
        Value::Int32(number) => (0x10, number.to_le_bytes().to_vec()),
        Value::Int64(number) => (0x12, number.to_le_bytes().to_vec()),
        Value::Other => (0x0a, Vec::new()),
    };
    out.push(tag);
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.extend(payload);
}

fn encode_text(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len() + 1).expect("commands are short");
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    bytes
}

fn encode_array(values: &[Value]) -> Vec<u8> {
    let mut body = Vec::new();
    for (index, value) in values.iter().enumerate() {
        encode_element(&mut body, &index.to_string(), value);
    }
    enclose(body)
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.bytes.split_at_checked(count)?;
        self.bytes = tail;
        Some(head)
    }

    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(i32::from_le_bytes(self.fixed()?)).ok()
    }

    fn name(&mut self) -> Option<String> {
        let end = self.bytes.iter().position(|byte| *byte == 0)?;
        let name = std::str::from_utf8(self.take(end)?).ok()?.to_owned();
        self.take(1)?;
        Some(name)
    }

    fn document(&mut self) -> Option<Document> {
        let length = self.length()?;
        let mut inner = Reader {
            bytes: self.take(length.checked_sub(4)?)?,
        };
        let mut elements = Vec::new();
        loop {
            match inner.fixed::<1>()? {
                [0] => return Some(Document(elements)),
                [tag] => {
                    let name = inner.name()?;
                    elements.push((name, inner.value(tag)?));
                }
            }
        }
    }

    fn value(&mut self, tag: u8) -> Option<Value> {
        Some(match tag {
            0x01 => Value::Double(f64::from_le_bytes(self.fixed()?)),
            0x02 => Value::String(self.text()?),
            0x03 => Value::Document(self.document()?),
            0x04 => Value::Array(
                self.document()?
                    .0
                    .into_iter()
                    .map(|(_, value)| value)
                    .collect(),
            ),
            0x08 => Value::Bool(self.fixed::<1>()? != [0]),
            0x10 => Value::Int32(i32::from_le_bytes(self.fixed()?)),
            0x12 => Value::Int64(i64::from_le_bytes(self.fixed()?)),
            _ => {
                self.skip(tag)?;
                Value::Other
            }
        })
    }

    fn text(&mut self) -> Option<String> {
        let length = self.length()?;
        let bytes = self.take(length)?.strip_suffix(&[0])?;
        String::from_utf8(bytes.to_vec()).ok()
    }

    fn skip(&mut self, tag: u8) -> Option<()> {
        let count = match tag {
            0x05 => self.length()?.checked_add(1)?,
            0x06 | 0x0a | 0x7f | 0xff => 0,
            0x07 => 12,
            0x09 | 0x11 => 8,
            0x13 => 16,
            _ => return None,
        };
        self.take(count).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        let document = Document::default()
            .with(
                "replSetInitiate",
                Value::Document(Document::default().with("n", Value::Int32(-7))),
            )
            .with(
                "hosts",
                Value::Array(vec![Value::String("ä:1".into()), Value::Int64(1 << 40)]),
            )
            .with("ok", Value::Double(1.0))
            .with("no", Value::Bool(false));
        assert_eq!(Document::decode(&document.encode()), Some(document));
    }

    #[test]
    fn a_cut_document_is_none_and_never_a_panic() {
        let bytes = Document::default()
            .with("hosts", Value::Array(vec![Value::String("a".into())]))
            .encode();
        for end in 0..bytes.len() {
            assert_eq!(Document::decode(&bytes[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn types_nobody_reads_are_passed_over() {
        // An object id, a date and a binary before the number.
        let mut body = vec![0x07, b'o', 0];
        body.extend([1; 12]);
        body.extend([0x09, b'd', 0]);
        body.extend([2; 8]);
        body.extend([0x05, b'b', 0, 2, 0, 0, 0, 0, 9, 9]);
        body.extend([0x10, b'n', 0, 5, 0, 0, 0]);
        let document = Document::decode(&enclose(body)).expect("well-formed");
        assert_eq!(document.number("n"), Some(5));
    }
}
