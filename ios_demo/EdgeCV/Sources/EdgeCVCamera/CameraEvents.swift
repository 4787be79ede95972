/// Whether the camera may be used.
public enum CameraAccess: Sendable {
  case granted
  case refused
  case missing
}

/// What befalls a camera while it runs.
public enum CameraEvent: Equatable, Sendable {
  /// It gives no frames for a while.
  case interrupted(CameraInterruption)
  /// The interruption is over: frames come again.
  case resumed
  /// It has stopped, for a reason in words; it must be started again.
  case failed(String)
}

/// The reason why a camera gives no frames for a while.
public enum CameraInterruption: CaseIterable, Sendable {
  case inBackground
  case usedElsewhere
  case besideOtherApps
  case heat
  case unknown
}
