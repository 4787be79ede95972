// Only what is used, from Apple's documentation of SwiftUI.
import Foundation
@_exported import CoreGraphics
@_exported import UIKit

@MainActor @preconcurrency public protocol View {
  associatedtype Body: View
  @ViewBuilder var body: Body { get }
}

extension Never: View {
  public var body: Never { return fatalError() }
}

@resultBuilder public struct ViewBuilder {
  public static func buildBlock<Content: View>(_ content: Content) -> Content { fatalError() }
  public static func buildBlock<each Content: View>(_ content: repeat each Content) -> TupleView<(repeat each Content)> {
    fatalError()
  }
  public static func buildIf<Content: View>(_ content: Content?) -> Content? { fatalError() }
  public static func buildEither<First: View, Second: View>(first: First) -> ConditionalContent<First, Second> { fatalError() }
  public static func buildEither<First: View, Second: View>(second: Second) -> ConditionalContent<First, Second> {
    fatalError()
  }
}

public struct TupleView<T>: View { public var body: Never { return fatalError() } }
public struct ConditionalContent<First, Second>: View { public var body: Never { return fatalError() } }
extension Optional: View where Wrapped: View { public var body: Never { return fatalError() } }

@MainActor @preconcurrency public protocol Scene {}
@MainActor @preconcurrency public protocol App {
  associatedtype Content: Scene
  var body: Content { get }
  init()
}
extension App {
  public static func main() { fatalError() }
}
public struct WindowGroup<Content: View>: Scene {
  public init(@ViewBuilder content: () -> Content) { fatalError() }
}

public struct LocalizedStringKey: ExpressibleByStringInterpolation, Sendable {
  public init(stringLiteral value: String) { fatalError() }
}

public struct Text: View {
  public init(_ content: some StringProtocol) { fatalError() }
  public func font(_ font: Font?) -> Text { fatalError() }
  public func foregroundColor(_ color: Color?) -> Text { fatalError() }
  public var body: Never { return fatalError() }
}
public struct Label: View {
  public init(_ title: some StringProtocol, systemImage name: String) { fatalError() }
  public var body: Never { return fatalError() }
}
public struct ProgressView: View {
  public init(_ title: some StringProtocol) { fatalError() }
  public init(value: Double?, total: Double = 1) { fatalError() }
  public var body: Never { return fatalError() }
}
public struct Spacer: View {
  public init() { fatalError() }
  public var body: Never { return fatalError() }
}
public struct Button: View {
  public init(_ title: some StringProtocol, action: @escaping @MainActor () -> Void) { fatalError() }
  public var body: Never { return fatalError() }
}
public struct Link: View {
  public init(_ title: some StringProtocol, destination: URL) { fatalError() }
  public var body: Never { return fatalError() }
}
public struct ShareLink: View {
  public init(_ title: some StringProtocol, item: URL) { fatalError() }
  public var body: Never { return fatalError() }
}
public enum HorizontalAlignment: Sendable { case leading, center }
public struct VStack<Content: View>: View {
  public init(alignment: HorizontalAlignment = .center, spacing: Double? = nil, @ViewBuilder content: () -> Content) {
    fatalError()
  }
  public var body: Never { return fatalError() }
}
public struct ScrollView<Content: View>: View {
  public init(@ViewBuilder content: () -> Content) { fatalError() }
  public var body: Never { return fatalError() }
}
public struct TabView<Content: View>: View {
  public init(@ViewBuilder content: () -> Content) { fatalError() }
  public var body: Never { return fatalError() }
}
public struct NavigationStack<Content: View>: View {
  public init(@ViewBuilder root: () -> Content) { fatalError() }
  public var body: Never { return fatalError() }
}
public struct ForEach<Items: RandomAccessCollection, ID: Hashable, Content: View>: View {
  public init(_ data: Items, id: KeyPath<Items.Element, ID>, @ViewBuilder content: @escaping (Items.Element) -> Content) {
    fatalError()
  }
  public var body: Never { return fatalError() }
}

public struct Color: Sendable {
  public static let black = Color(red: 0, green: 0, blue: 0)
  public init(red: Double, green: Double, blue: Double, opacity: Double = 1) { fatalError() }
}
public struct Image: View, Sendable {
  public init(decorative cgImage: CGImage, scale: CGFloat) { fatalError() }
  public init(uiImage: UIImage) { fatalError() }
  public func resizable() -> Image { fatalError() }
  public var body: Never { return fatalError() }
}
public struct Path: Sendable {
  public init() { fatalError() }
  public init(_ rect: CGRect) { fatalError() }
  public init(ellipseIn rect: CGRect) { fatalError() }
  public mutating func move(to end: CGPoint) { fatalError() }
  public mutating func addLine(to end: CGPoint) { fatalError() }
}
public struct GraphicsContext {
  public struct Shading: Sendable {
    public static func color(_ color: Color) -> Shading { fatalError() }
  }
  public struct ResolvedText {
    public func measure(in size: CGSize) -> CGSize { fatalError() }
  }
  public func resolve(_ text: Text) -> ResolvedText { fatalError() }
  public func draw(_ text: ResolvedText, in rect: CGRect) { fatalError() }
  public func draw(_ image: Image, in rect: CGRect) { fatalError() }
  public func fill(_ path: Path, with shading: Shading) { fatalError() }
  public func stroke(_ path: Path, with shading: Shading, lineWidth: CGFloat = 1) { fatalError() }
}
public struct Canvas: View {
  public init(renderer: @escaping (inout GraphicsContext, CGSize) -> Void) { fatalError() }
  public var body: Never { return fatalError() }
}

public enum Font: Sendable { case title2, body, footnote, headline }
public enum ScenePhase: Sendable { case active, inactive, background }
public struct EnvironmentValues: Sendable {
  public var scenePhase: ScenePhase { fatalError() }
}
@propertyWrapper public struct Environment<Value> {
  public init(_ keyPath: KeyPath<EnvironmentValues, Value>) { fatalError() }
  public var wrappedValue: Value { fatalError() }
}
@propertyWrapper public struct Binding<Value> {
  public init(get: @escaping () -> Value, set: @escaping (Value) -> Void) { fatalError() }
  public var wrappedValue: Value {
    get { fatalError() }
    nonmutating set { fatalError() }
  }
}
@propertyWrapper public struct State<Value> {
  public init(wrappedValue: Value) { fatalError() }
  public var wrappedValue: Value {
    get { fatalError() }
    nonmutating set { fatalError() }
  }
  public var projectedValue: Binding<Value> { fatalError() }
}

extension View {
  public func padding() -> some View { self }
  public func font(_ font: Font?) -> some View { self }
  public func navigationTitle(_ title: some StringProtocol) -> some View { self }
  public func accessibilityHidden(_ hidden: Bool) -> some View { self }
  public func overlay<V: View>(@ViewBuilder content: () -> V) -> some View { self }
  public func scaledToFit() -> some View { self }
  public func accessibilityLabel(_ label: some StringProtocol) -> some View { self }
  public func tabItem<V: View>(@ViewBuilder _ label: () -> V) -> some View { self }
  public func task(_ action: @escaping @Sendable @MainActor () async -> Void) -> some View { self }
  public func task<ID: Equatable>(id: ID, _ action: @escaping @Sendable @MainActor () async -> Void) -> some View { self }
  public func onDisappear(perform action: (@MainActor () -> Void)?) -> some View { self }
}

public struct UIViewRepresentableContext<Representable> {}
@MainActor @preconcurrency public protocol UIViewRepresentable: View where Body == Never {
  associatedtype UIViewType: UIView
  typealias Context = UIViewRepresentableContext<Self>
  func makeUIView(context: Context) -> UIViewType
  func updateUIView(_ uiView: UIViewType, context: Context)
}
extension UIViewRepresentable {
  public var body: Never { return fatalError() }
}
