import Foundation

/// An error that a person can mend: one sentence without a period at its end, and what to do about it.
public protocol EdgeCVError: LocalizedError, Sendable, Equatable {
  /// The error in words.
  var message: String { get }

  /// What to do about it, or nil.
  var hint: String? { get }
}

extension EdgeCVError {
  /// The error in words, for those who do not know this protocol.
  public var errorDescription: String? { message }

  /// What to do about it, for those who do not know this protocol.
  public var recoverySuggestion: String? { hint }
}

/// A bundle is missing, damaged, unsafe, or from another version.
public struct BundleError: EdgeCVError {
  public let message: String
  public let hint: String?

  /// An error with its words.
  public init(_ message: String, _ hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

/// A preprocessing says something impossible, or something that this library does not do.
public struct SpecError: EdgeCVError {
  public let message: String
  public let hint: String?

  /// An error with its words.
  public init(_ message: String, _ hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

/// A picture, frame or tensor does not have the form that was asked for.
public struct InputError: EdgeCVError {
  public let message: String
  public let hint: String?

  /// An error with its words.
  public init(_ message: String, _ hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

/// A runtime refused a model, failed, or did not run where it was asked to.
public struct EngineError: EdgeCVError {
  public let message: String
  public let hint: String?

  /// An error with its words.
  public init(_ message: String, _ hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

/// A benchmark's options or samples are not what they should be.
public struct BenchError: EdgeCVError {
  public let message: String
  public let hint: String?

  /// An error with its words.
  public init(_ message: String, _ hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

let makeAnew = "Make the bundle again with edgecv convert"

private let shownLetters = 200

/// A stranger's text for a message: all of it, or its beginning.
func shortened(_ text: String) -> String {
  text.count <= shownLetters ? text : "\(text.prefix(shownLetters))... (\(text.count) letters)"
}
