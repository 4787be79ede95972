// Only what is used, from Apple's documentation of PhotosUI.
import Foundation
import SwiftUI

public struct PHPickerFilter: Sendable {
  public static let images = PHPickerFilter()
}

public struct PhotosPickerItem: Equatable, Sendable {
  public func loadTransferable<T: Sendable>(type: T.Type) async throws -> T? { fatalError() }
}

public struct PhotosPicker: View {
  public init(_ title: some StringProtocol, selection: Binding<PhotosPickerItem?>, matching filter: PHPickerFilter?) {
    fatalError()
  }
  public var body: Never { return fatalError() }
}
