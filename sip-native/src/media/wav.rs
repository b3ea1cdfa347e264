//! Files: WAV, by `hound`.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use super::error::MediaError;
use super::frame::{Filled, Sink, Source, Stamp};

/// A file that is played, once or again and again.
///
/// It may have 8 to 32 bits, be of whole numbers or of fractions, and have several channels, of which the mean is heard. A
/// few samples are read at a time, from the buffers of the system.
pub struct Player {
    reader: WavReader<BufReader<File>>,
    spec: WavSpec,
    repeats: bool,
}

impl Player {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`MediaError::File`] if it cannot be read or is no WAV file.
    pub fn open(path: impl AsRef<Path>) -> Result<Player, MediaError> {
        let path = path.as_ref();
        let reader = WavReader::open(path).map_err(|error| failed(path, &error))?;
        let spec = reader.spec();
        if spec.channels == 0 || !(1000..=384_000).contains(&spec.sample_rate) {
            return Err(MediaError::File(format!("{}: not a sound that can be played", path.display())));
        }
        Ok(Player { reader, spec, repeats: false })
    }

    /// Begins again at its end.
    #[must_use]
    pub fn repeat(mut self) -> Player {
        self.repeats = true;
        self
    }

    /// The next sample of all channels; nothing at the end, or where the file is broken.
    fn next(&mut self) -> Option<i16> {
        let mut sum = 0.0_f32;
        for _ in 0..self.spec.channels {
            sum += match self.spec.sample_format {
                SampleFormat::Float => self.reader.samples::<f32>().next()?.ok()? * 32_768.0,
                SampleFormat::Int => {
                    let whole = self.reader.samples::<i32>().next()?.ok()?;
                    whole as f32 * 2.0_f32.powi(16 - i32::from(self.spec.bits_per_sample))
                }
            };
        }
        Some((sum / f32::from(self.spec.channels)).clamp(-32_768.0, 32_767.0) as i16)
    }
}

impl Source for Player {
    fn rate(&self) -> u32 {
        self.spec.sample_rate
    }

    fn fill(&mut self, _: Stamp, frame: &mut [i16]) -> Filled {
        let mut again = self.repeats && self.reader.len() > 0;
        for sample in frame {
            let mut next = self.next();
            if next.is_none() && std::mem::take(&mut again) && self.reader.seek(0).is_ok() {
                next = self.next();
            }
            match next {
                Some(next) => *sample = next,
                None => return Filled::Over,
            }
        }
        Filled::Audio
    }
}

/// A file in which is recorded what is heard: 16 bits, one channel. It is complete when the recorder is dropped, which the
/// end of the call does.
pub struct Recorder {
    /// Gone when writing has failed.
    writer: Option<WavWriter<BufWriter<File>>>,
    rate: u32,
}

impl Recorder {
    /// Creates a file, in the place of one that is there, at `rate` samples a second.
    ///
    /// # Errors
    ///
    /// [`MediaError::File`] if it cannot be written.
    pub fn create(path: impl AsRef<Path>, rate: u32) -> Result<Recorder, MediaError> {
        let path = path.as_ref();
        let spec = WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let writer = WavWriter::create(path, spec).map_err(|error| failed(path, &error))?;
        Ok(Recorder { writer: Some(writer), rate })
    }
}

impl Sink for Recorder {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn take(&mut self, _: Stamp, frame: &[i16]) {
        let Some(writer) = &mut self.writer else { return };
        let written = frame.iter().try_for_each(|sample| writer.write_sample(*sample));
        if let Err(error) = written {
            tracing::warn!(%error, "recording ends");
            self.writer = None;
        }
    }
}

impl std::fmt::Debug for Player {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Player").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("rate", &self.rate).finish_non_exhaustive()
    }
}

fn failed(path: &Path, error: &hound::Error) -> MediaError {
    MediaError::File(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::media::{Tone, tone_level};

    #[test]
    fn what_is_recorded_can_be_played() {
        let path = std::env::temp_dir().join(format!("offhook-wav-{}.wav", std::process::id()));
        let stamp = Stamp { rate: 16_000, time: 0, at: Instant::now() };
        let tone: Vec<i16> = Tone::new(1000.0).source(16_000).take(16_100).collect();
        let mut recorder = Recorder::create(&path, 16_000).expect("a file");
        tone.chunks(320).for_each(|frame| recorder.take(stamp, frame));
        drop(recorder);
        let mut player = Player::open(&path).expect("the file");
        let (mut heard, mut frame) = (Vec::new(), [0; 320]);
        while player.fill(stamp, &mut frame) == Filled::Audio {
            heard.extend_from_slice(&frame);
        }
        assert_eq!((Source::rate(&player), heard.len()), (16_000, 16_000), "the rest came with the end");
        assert_eq!(heard, tone[..16_000]);
        let mut player = Player::open(&path).expect("the file").repeat();
        let frames: Vec<Filled> = (0..200).map(|_| player.fill(stamp, &mut frame)).collect();
        assert!(frames.iter().all(|filled| *filled == Filled::Audio));
        std::fs::remove_file(&path).expect("it is there");
        let missing = Player::open(&path).expect_err("it is gone");
        assert!(missing.to_string().contains("offhook-wav"), "{missing}");
    }

    #[test]
    fn files_of_other_shapes_are_played_too() {
        let path = std::env::temp_dir().join(format!("offhook-wav-stereo-{}.wav", std::process::id()));
        for (bits, format) in [(8, SampleFormat::Int), (24, SampleFormat::Int), (32, SampleFormat::Float)] {
            let spec = WavSpec { channels: 2, sample_rate: 44_100, bits_per_sample: bits, sample_format: format };
            let mut writer = WavWriter::create(&path, spec).expect("a file");
            for sample in Tone::new(1000.0).source(44_100).take(44_100) {
                let written = match format {
                    SampleFormat::Float => (0..2).try_for_each(|_| writer.write_sample(f32::from(sample) / 32_768.0)),
                    SampleFormat::Int => {
                        let whole = (f64::from(sample) * 2.0_f64.powi(i32::from(bits) - 16)).round() as i32;
                        (0..2).try_for_each(|_| writer.write_sample(whole))
                    }
                };
                written.expect("a sample");
            }
            writer.finalize().expect("the end of the file");
            let mut player = Player::open(&path).expect("the file");
            let mut frame = vec![0; 22_050];
            player.fill(Stamp { rate: 44_100, time: 0, at: Instant::now() }, &mut frame);
            let level = tone_level(&frame[4410..], 44_100, 1000.0);
            assert!((level + 20.0).abs() < 0.5, "{bits} bits: {level}");
        }
        std::fs::remove_file(&path).expect("it is there");
    }
}
