//! Fingerprints of certificates as the WebRTC stack compares them: letter by letter.

/// Writes the hash functions of all fingerprints in small letters and the bytes in capitals. Either case means the same
/// (RFC 8122 5), and some write `SHA-256`, e.g. Asterisk.
pub(super) fn comparable(description: &str) -> String {
    let mut comparable = String::with_capacity(description.len());
    for line in description.split_inclusive('\n') {
        let fingerprint = line.strip_prefix("a=fingerprint:").and_then(|value| value.split_once(' '));
        match fingerprint {
            Some((hash, bytes)) => {
                comparable.extend(["a=fingerprint:", &hash.to_ascii_lowercase(), " ", &bytes.to_ascii_uppercase()]);
            }
            None => comparable.push_str(line),
        }
    }
    comparable
}

#[cfg(test)]
mod tests {
    use super::comparable;

    #[test]
    fn the_case_of_a_fingerprint_is_that_of_the_stack() {
        let written = "v=0\r\na=fingerprint:SHA-256 ab:CD\r\na=mid:Audio\r\na=fingerprint:sha-1 00:1F";
        let read = "v=0\r\na=fingerprint:sha-256 AB:CD\r\na=mid:Audio\r\na=fingerprint:sha-1 00:1F";
        assert_eq!(comparable(written), read);
        assert_eq!(comparable("a=fingerprint:SHA-256"), "a=fingerprint:SHA-256");
    }
}
