// swift-tools-version: 6.0
import PackageDescription

// Its tests are the package EdgeCVTests beside this one: what `edgecv export ios` copies has none.
let package = Package(
  name: "EdgeCV",
  platforms: [.iOS(.v16), .macOS(.v13)],
  products: [
    .library(name: "EdgeCV", targets: ["EdgeCV"]),
    .library(name: "EdgeCVLiteRT", targets: ["EdgeCVLiteRT"]),
    .library(name: "EdgeCVCoreML", targets: ["EdgeCVCoreML"]),
    .library(name: "EdgeCVCoreAI", targets: ["EdgeCVCoreAI"]),
    .library(name: "EdgeCVCamera", targets: ["EdgeCVCamera"]),
    .library(name: "EdgeCVDemo", targets: ["EdgeCVDemo"]),
  ],
  targets: [
    .target(name: "EdgeCV"),
    .target(name: "LiteRTLibrary"),
    .target(name: "EdgeCVLiteRT", dependencies: ["EdgeCV", "LiteRTLibrary"]),
    .target(name: "EdgeCVCoreML", dependencies: ["EdgeCV"]),
    .target(name: "EdgeCVCoreAI", dependencies: ["EdgeCV"]),
    .target(name: "EdgeCVCamera", dependencies: ["EdgeCV"]),
    .target(name: "EdgeCVDemo", dependencies: ["EdgeCV", "EdgeCVCamera"]),
  ],
  swiftLanguageModes: [.v6]
)
