//! The body, with a summary of a session description.

use offhook::core::message::{Fields, Name};
use offhook::core::sdp::{MediaRef, SdpRef};
use serde::Serialize;

use super::report::{Problem, place_in};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    length: usize,
    content_type: Option<String>,
    /// The body if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The body in hexadecimal if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdp: Option<Session>,
}

/// A session description in short.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_id: Option<String>,
    version: Option<String>,
    media: Vec<Media>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Media {
    kind: String,
    address: Option<String>,
    port: u16,
    protocol: String,
    formats: Vec<String>,
    codecs: Vec<Codec>,
    direction: &'static str,
    mid: Option<String>,
    rejected: bool,
}

#[derive(Serialize)]
struct Codec {
    payload: u8,
    encoding: String,
    clock: u32,
    channels: u8,
}

impl Body {
    /// `None` if there is no body.
    pub(super) fn read(fields: &Fields, input: &[u8], problems: &mut Vec<Problem>) -> Option<Body> {
        let bytes = fields.body();
        if bytes.is_empty() {
            return None;
        }
        let content_type = fields.item(Name::ContentType);
        let sdp = match content_type {
            Some(kind) if kind.is("application/sdp") => SdpRef::parse(bytes)
                .map_err(|error| {
                    let offset = place_in(fields, bytes) + error.offset();
                    problems.push(Problem::at("body", error.to_string(), offset, input));
                })
                .ok(),
            _ => None,
        };
        let text = std::str::from_utf8(bytes).ok().map(str::to_owned);
        Some(Body {
            length: bytes.len(),
            content_type: content_type.map(|kind| kind.value.to_owned()),
            hex: text.is_none().then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
            text,
            sdp: sdp.map(|sdp| Session::new(&sdp)),
        })
    }
}

impl Session {
    fn new(sdp: &SdpRef<'_>) -> Session {
        let origin = sdp.origin();
        Session {
            session_id: origin.map(|origin| origin.session_id.to_owned()),
            version: origin.map(|origin| origin.version.to_owned()),
            media: sdp.media().map(|media| Media::new(&media)).collect(),
        }
    }
}

impl Media {
    fn new(media: &MediaRef<'_>) -> Media {
        let codecs = media.codecs().map(|codec| Codec {
            payload: codec.payload,
            encoding: codec.encoding.to_owned(),
            clock: codec.clock,
            channels: codec.channels,
        });
        Media {
            kind: media.kind().to_owned(),
            address: media.connection().map(|connection| connection.address.to_owned()),
            port: media.port(),
            protocol: media.protocol().to_owned(),
            formats: media.formats().map(str::to_owned).collect(),
            codecs: codecs.collect(),
            direction: media.direction().as_str(),
            mid: media.mid().map(str::to_owned),
            rejected: media.is_rejected(),
        }
    }
}
