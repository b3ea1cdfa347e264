//! ITU-T G.711: one byte a sample, by µ-law or A-law, at 8000 samples a second.
//!
//! Samples are linear 16 bit. Decoding is a table lookup; the tables are computed at compile time from the definition.

/// Decodes one µ-law byte.
pub(crate) fn decode_mu(byte: u8) -> i16 {
    MU_TABLE[usize::from(byte)]
}

/// Decodes one A-law byte.
pub(crate) fn decode_a(byte: u8) -> i16 {
    A_TABLE[usize::from(byte)]
}

/// Encodes one sample by µ-law. Samples beyond ±32635 are clipped.
pub(crate) fn encode_mu(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(MU_CLIP) + MU_BIAS;
    // The bias makes bit 7 the lowest that can lead, so the segment is how far above it the leading bit stands.
    let segment = (magnitude.ilog2() - 7) as u8;
    let mantissa = (magnitude >> (segment + 3)) as u8 & 0x0f;
    !(sign | segment << 4 | mantissa)
}

/// Encodes one sample by A-law.
pub(crate) fn encode_a(sample: i16) -> u8 {
    // A set sign bit means positive. Negative values count from -1, which is what the complement does.
    let (sign, magnitude) = if sample < 0 { (0, !sample >> 3) } else { (0x80, sample >> 3) };
    let code = match magnitude {
        0..32 => magnitude as u8 >> 1,
        _ => {
            let segment = (magnitude.ilog2() - 4) as u8;
            segment << 4 | (magnitude >> segment) as u8 & 0x0f
        }
    };
    (sign | code) ^ 0x55
}

const MU_BIAS: i32 = 0x84;
const MU_CLIP: i32 = 32_635;

static MU_TABLE: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = !(byte as u8);
        let mantissa = (code & 0x0f) as i32;
        let magnitude = (((mantissa << 3) + MU_BIAS) << (code >> 4 & 7)) - MU_BIAS;
        table[byte] = if code & 0x80 != 0 { -magnitude as i16 } else { magnitude as i16 };
        byte += 1;
    }
    table
};

static A_TABLE: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = byte as u8 ^ 0x55;
        let mantissa = ((code & 0x0f) as i32) << 4;
        let magnitude = match code >> 4 & 7 {
            0 => mantissa + 8,
            segment => (mantissa + 0x108) << (segment - 1),
        };
        table[byte] = if code & 0x80 != 0 { magnitude as i16 } else { -magnitude as i16 };
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_values_of_the_recommendation() {
        for (byte, sample) in
            [(0x00, -32_124), (0x80, 32_124), (0x7f, 0), (0xff, 0), (0xfe, 8), (0x7e, -8), (0xf0, 120)]
        {
            assert_eq!(decode_mu(byte), sample, "µ-law {byte:#04x}");
        }
        for (byte, sample) in
            [(0xd5, 8), (0x55, -8), (0xaa, 32_256), (0x2a, -32_256), (0xd4, 24), (0x80, 5_504), (0x87, 4_736)]
        {
            assert_eq!(decode_a(byte), sample, "A-law {byte:#04x}");
        }
    }

    #[test]
    fn encodes_the_values_of_the_recommendation() {
        for (sample, byte) in
            [(0, 0xff), (-1, 0x7f), (8, 0xfe), (1_000, 0xce), (-1_000, 0x4e), (i16::MAX, 0x80), (i16::MIN, 0x00)]
        {
            assert_eq!(encode_mu(sample), byte, "µ-law {sample}");
        }
        for (sample, byte) in
            [(0, 0xd5), (-1, 0x55), (8, 0xd5), (1_000, 0xfa), (-1_000, 0x7a), (i16::MAX, 0xaa), (i16::MIN, 0x2a)]
        {
            assert_eq!(encode_a(sample), byte, "A-law {sample}");
        }
    }

    #[test]
    fn every_byte_survives_the_round_trip() {
        for byte in 0..=u8::MAX {
            assert_eq!(encode_a(decode_a(byte)), byte, "A-law {byte:#04x}");
            // µ-law has two zeros; the negative one becomes the positive one.
            let expected = if byte == 0x7f { 0xff } else { byte };
            assert_eq!(encode_mu(decode_mu(byte)), expected, "µ-law {byte:#04x}");
        }
    }

    #[test]
    fn the_error_stays_within_a_step() {
        for sample in i16::MIN..=i16::MAX {
            let wide = i32::from(sample);
            // The widest step of a segment is a sixteenth of its start; below that the first step decides.
            let tolerance = (wide.abs() / 16).max(8) + if wide.abs() > MU_CLIP { 700 } else { 0 };
            assert!((i32::from(decode_mu(encode_mu(sample))) - wide).abs() <= tolerance, "µ-law {sample}");
            assert!((i32::from(decode_a(encode_a(sample))) - wide).abs() <= tolerance, "A-law {sample}");
        }
    }
}
