import { useEffect, useRef } from "react";
import type { Call } from "offhook";
import { useCall } from "offhook/react";
import { useDesk } from "./context.js";

/** Whether a stream shows something. */
export function shows(stream: MediaStream | null): stream is MediaStream {
  return stream?.getVideoTracks().some(({ readyState }) => readyState === "live") ?? false;
}

/** What is to be seen in a call: the other side's screen and camera, and beside them, small, one's own. */
export function Pictures({ call }: { call: Call }) {
  const { desk } = useDesk();
  const { localStream, remoteStream, localScreen, remoteScreen } = useCall(call);
  const name = desk.nameOf(call);
  const theirs = [
    { stream: remoteScreen, label: `The screen of ${name}` },
    { stream: remoteStream, label: name },
  ].filter(({ stream }) => shows(stream));
  const ours = [
    { stream: localScreen, label: "Your screen" },
    { stream: localStream, label: "You" },
  ].filter(({ stream }) => shows(stream));
  if (theirs.length + ours.length === 0) return null;
  return (
    <div className="pictures" data-testid="pictures">
      {theirs.map(({ stream, label }) => (
        <Picture key={label} stream={stream} label={label} />
      ))}
      <div className="own">
        {ours.map(({ stream, label }) => (
          <Picture key={label} stream={stream} label={label} />
        ))}
      </div>
    </div>
  );
}

/** Without sound: that plays by itself. */
function Picture({ stream, label }: { stream: MediaStream | null; label: string }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current) video.current.srcObject = stream;
  }, [stream]);
  return <video ref={video} aria-label={label} muted autoPlay playsInline />;
}
