import Foundation
import TestSupport
import Testing

@testable import EdgeCV

/// Bundles in one file, which `python -m tests.ios.bundles` packed, and what is no such file.
struct SourcesTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test(arguments: ["packed", "stored", "top"]) func aZipIsReadAsItsFolder(_ name: String) throws {
    let packed = try ModelBundle.open(archive(name))
    let plain = try Bundles.open("digits")
    #expect(packed.manifest == plain.manifest)
    #expect(try packed.golden() == plain.golden())
    for one in try plain.golden().cases {
      #expect(try packed.goldenPicture(one) == plain.goldenPicture(one))
      #expect(try one.inputs.mapValues(packed.goldenTensor) == one.inputs.mapValues(plain.goldenTensor))
    }
    for artifact in plain.manifest.artifacts {
      #expect(try packed.model(artifact).data == plain.model(artifact).data)
      #expect(try packed.model(artifact).url == nil)
    }
  }

  @Test func aPackageInAZipIsCheckedWhole() throws {
    let bundle = try ModelBundle.open(archive("package"))
    #expect(try bundle.model(bundle.artifact(.coreml)).url == nil)
  }

  @Test(arguments: [
    ("text", "is not a readable .zip"), ("leaving", "which leaves it"), ("bomb", "is larger than 16 MiB"),
    ("lying", "is not a readable .zip"), ("twice", "holds bundle.json twice"), ("many", "a bundle has at most"),
    ("unpacking", "unpacks to"), ("cut", "is not a readable .zip"), ("lzma", "neither store nor deflate"),
    ("flipped", "is damaged"),
  ])
  func whatIsNoZipOrOneThatWouldHarmIsRefused(_ name: String, _ words: String) throws {
    let said = message {
      let bundle = try ModelBundle.open(archive(name))
      for artifact in bundle.manifest.artifacts { _ = try bundle.model(artifact) }
    }
    #expect(try #require(said).contains(words))
  }

  @Test func aZipWithoutAManifestIsRefused() {
    #expect(message { _ = try ModelBundle.open(archive("empty")) } == "empty.edgecv.zip has no bundle.json")
  }

  @Test func damagedStreamsEndWithoutACrash() throws {
    let data = try Data(contentsOf: archive("packed"))
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      var damaged = data
      for _ in 0..<3 {
        damaged[Int.random(in: 0..<damaged.count, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
      }
      let file = scratch.folder.appendingPathComponent("damaged.edgecv.zip")
      try damaged.write(to: file)
      _ = message {
        let bundle = try ModelBundle.open(file)
        for artifact in bundle.manifest.artifacts { _ = try bundle.model(artifact) }
      }
      _ = Inflate.unpack(damaged.dropFirst(60), most: 1 << 20)
    }
  }

  private func archive(_ name: String) -> URL { Bundles.folder.appendingPathComponent("zips/\(name).edgecv.zip") }
}
