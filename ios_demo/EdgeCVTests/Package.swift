// swift-tools-version: 6.0
import PackageDescription

let edgecv = "EdgeCV"

let package = Package(
  name: "EdgeCVTests",
  platforms: [.iOS(.v16), .macOS(.v13)],
  dependencies: [.package(path: "../EdgeCV")],
  targets: [
    .target(name: "AllocationCounter"),
    .target(name: "TestSupport", dependencies: [.product(name: "EdgeCV", package: edgecv)]),
    .executableTarget(
      name: "PreprocessBench",
      dependencies: [.product(name: "EdgeCV", package: edgecv), "AllocationCounter"]),
    .testTarget(
      name: "EdgeCVTests",
      dependencies: [.product(name: "EdgeCV", package: edgecv), "TestSupport", "AllocationCounter"]),
    .testTarget(
      name: "EdgeCVLiteRTTests",
      dependencies: [.product(name: "EdgeCVLiteRT", package: edgecv), "TestSupport"]),
    .testTarget(
      name: "EdgeCVDemoTests",
      dependencies: [
        .product(name: "EdgeCVDemo", package: edgecv), .product(name: "EdgeCVCamera", package: edgecv),
        .product(name: "EdgeCVLiteRT", package: edgecv), "TestSupport",
      ]),
  ],
  swiftLanguageModes: [.v6]
)
