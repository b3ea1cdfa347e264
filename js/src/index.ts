/**
 * Offhook: a SIP user agent for the browser.
 *
 * @module
 */
export { UserAgent } from "./user-agent.js";
export type {
  CallOptions,
  ConnectOptions,
  CredentialRequest,
  Credentials,
  MessageOptions,
  RegisterOptions,
  RegistrationState,
  UserAgentEvents,
  UserAgentState,
} from "./user-agent.js";
export { Call } from "./call.js";
export type { AnswerOptions, CallEvents, PickUpOptions, RingOptions, WaitOptions } from "./call.js";
export { Transfer, TransferRequest } from "./transfer.js";
export type {
  FollowOptions,
  TransferEvents,
  TransferOptions,
  TransferOutcome,
  TransferProgress,
  TransferRequestEvents,
} from "./transfer.js";
export { IncomingSubscription } from "./incoming-subscription.js";
export type {
  AcceptSubscriptionOptions,
  IncomingSubscriptionEvents,
  TerminateOptions,
} from "./incoming-subscription.js";
export { Publication } from "./publication.js";
export type { PublicationEvents } from "./publication.js";
export { Subscription } from "./subscription.js";
export type { Notice, SubscriptionEvents } from "./subscription.js";
export type { PublishOptions, SubscribeOptions } from "./subscriptions.js";
export type { Servers, WeightedServer } from "./servers.js";
export type { DtmfOptions } from "./dtmf.js";
export { OffhookError } from "./errors.js";
export type { ErrorDetail, MediaErrorValue, MediaProblem } from "./errors.js";
export { TypedEventTarget } from "./events.js";
export type { ListenOptions, TypedListener } from "./events.js";
export { listDevices, watchDevices } from "./media/devices.js";
export type { Device } from "./media/devices.js";
export { SdpMedia, sdpMedia } from "./media/sdp-media.js";
export type { Describe, DescriptionRequest } from "./media/sdp-media.js";
export { PeerConnectionMedia } from "./media/peer-connection.js";
export type { DescriptionInfo, PeerConnectionOptions } from "./media/peer-connection.js";
export type {
  AudioSource,
  Candidates,
  CallStats,
  MediaChange,
  MediaEvent,
  MediaHandler,
  MediaHandlerFactory,
  MediaKind,
  MediaRequest,
  MediaSource,
  MediaState,
  OfferOptions,
} from "./media/handler.js";
export type { Host, WorkerSource } from "./host/worker-port.js";
export type { AgentPort, PortFactory } from "./agent-port.js";
export type * from "./protocol.js";
export { completeTarget } from "./target.js";
