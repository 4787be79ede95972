import Foundation
import TestSupport
import Testing

@testable import EdgeCV

/// What a system's decoder gives for a picture becomes the bytes of its file, or is refused in words.
struct PictureSamplesTests {
  @Test func rgbAndGrayAreTakenAsTheyAre() throws {
    var rgb = PictureSamples([1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12], width: 2, height: 2, rowStride: 8)
    rgb.orientation = 6
    let frame = try #require(try rgb.frame() as? RgbFrame)
    #expect(frame.bytes == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] && frame.channels == 3 && frame.orientation == 6)
    let gray = try #require(try samples([1, 2, 9, 3, 4], stride: 3, .gray, bits: 8).frame() as? RgbFrame)
    #expect(gray.bytes == [1, 2, 3, 4] && gray.channels == 1)
  }

  @Test func alphaIsDroppedAndNotBlended() throws {
    let gray = try samples([1, 0, 2, 255, 3, 7, 4, 8], stride: 4, .gray, bits: 16, .last).frame() as? RgbFrame
    #expect(gray?.bytes == [1, 2, 3, 4])
    let bytes: [UInt8] = [1, 2, 3, 0, 4, 5, 6, 128, 7, 8, 9, 255, 10, 11, 12, 1]
    for (isReversed, order) in [(false, RgbaFrame.Order.rgba), (true, .bgra)] {
      var made = samples(bytes, stride: 8, .rgb, bits: 32, isReversed ? .first : .last)
      made.isReversed = isReversed
      let frame = try #require(try made.frame() as? RgbaFrame)
      #expect(frame.bytes == bytes && frame.order == order && frame.rowStride == 8)
    }
  }

  @Test func aPaletteIsExpandedAndNoGray() throws {
    let table: [UInt8] = [255, 0, 0, 0, 255, 0, 0, 0, 255]
    let frame = try samples([0, 1, 99, 2, 0, 99], stride: 3, .palette(table), bits: 8).frame() as? RgbFrame
    #expect(frame?.channels == 3 && frame?.bytes == [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 0, 0])
    #expect(
      refusal(samples([0, 1, 2, 3], stride: 2, .palette(table), bits: 8))
        == "the picture's palette has 3 colours, which are too few")
  }

  @Test func coloursThatWereMultipliedByTransparencyAreRefusedWhereSomeIs() throws {
    for (alpha, isReversed, place) in [(PictureSamples.Alpha.last, false, 7), (.first, true, 7), (.first, false, 4)] {
      var bytes = [UInt8](repeating: 255, count: 16)
      var made = samples(bytes, stride: 8, .rgb, bits: 32, alpha)
      (made.isPremultiplied, made.isReversed) = (true, isReversed)
      #expect(refusal(made) == (place == 7 ? nil : "the picture's channels are in an order that is not read"))
      bytes[place] = 254
      var clear = samples(bytes, stride: 8, .rgb, bits: 32, alpha)
      (clear.isPremultiplied, clear.isReversed) = (true, isReversed)
      #expect(refusal(clear)?.hasPrefix("the picture's colours were multiplied by its transparency") == true)
      bytes[place] = 255
      bytes[place == 7 ? 6 : 5] = 0
      var dark = samples(bytes, stride: 8, .rgb, bits: 32, alpha)
      (dark.isPremultiplied, dark.isReversed) = (true, isReversed)
      #expect(refusal(dark)?.hasPrefix("the picture's colours") != true)
    }
  }

  @Test func whatIsNotReadIsRefusedInWords() {
    #expect(
      refusal(samples([UInt8](repeating: 0, count: 16), stride: 8, .other("CMYK"), bits: 32))
        == "the picture's colours are CMYK, which is not read")
    #expect(hint { _ = try samples([], stride: 8, .other("CMYK"), bits: 32).frame() }?.contains("RGB or gray") == true)
    var deep = samples([UInt8](repeating: 0, count: 24), stride: 12, .rgb, bits: 48)
    deep.bitsPerComponent = 16
    #expect(refusal(deep) == "the picture has 16 bits a channel, not 8")
    let zeros = [UInt8](repeating: 0, count: 16)
    #expect(refusal(samples(zeros, stride: 8, .rgb, bits: 32)) == "the picture's channels are in an order that is not read")
    #expect(
      refusal(samples(zeros, stride: 4, .gray, bits: 16, .first)) == "the picture's channels are in an order that is not read")
    #expect(refusal(samples(zeros, stride: 4, .rgb, bits: 16)) == "the picture has 16 bits a pixel, which are not read")
    #expect(refusal(samples([1, 2, 3], stride: 2, .gray, bits: 8)) == "the picture's 2 rows of 2 bytes are not all there")
    #expect(refusal(samples(zeros, stride: 1, .gray, bits: 8)) == "the picture's 2 rows of 1 bytes are not all there")
  }

  @Test func aPictureThatNoPhoneCanHoldIsRefusedBeforeItIsDecoded() throws {
    try PictureSamples.checkSize(width: 8064, height: 6048)  // the largest photo of an iPhone
    let refused = message { try PictureSamples.checkSize(width: 20000, height: 10000) }
    #expect(refused == "the picture has 20000 x 10000 pixels, at most 64 million are decoded on a phone")
    #expect(message { try PictureSamples.checkSize(width: .max, height: 2) } != nil)
  }

  /// Samples of 2 x 2 pixels.
  private func samples(
    _ bytes: [UInt8], stride: Int, _ colors: PictureSamples.Colors, bits: Int, _ alpha: PictureSamples.Alpha = .none
  ) -> PictureSamples {
    var made = PictureSamples(bytes, width: 2, height: 2, rowStride: stride)
    (made.colors, made.bitsPerPixel, made.alpha) = (colors, bits, alpha)
    return made
  }

  private func refusal(_ samples: PictureSamples) -> String? { message { _ = try samples.frame() } }
}
