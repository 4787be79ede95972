import Foundation

/// Decodes a picture file (PNG) to pixels, without colour management and without scaling; the platform's, as ImageIO.
public protocol PictureDecoder: Sendable {
  /// Decode one picture.
  ///
  /// - Throws: `InputError` if it cannot be decoded.
  func decode(_ encoded: Data) throws -> Frame
}
