import EdgeCVDemo
import Foundation
import PhotosUI
import SwiftUI

/// A photo from the picker, and what the model says of it.
struct PhotoView: View {
  let model: PhotoModel

  @State private var chosen: PhotosPickerItem?
  @State private var photo: UIImage?

  var body: some View {
    VStack {
      PhotosPicker(Words.choosePhoto, selection: $chosen, matching: .images)
      switch model.state {
      case .waiting: Spacer()
      case .working: ProgressView(Words.photo)
      case .failed(let problem): Text(problem.text)
      case .answered(let answers):
        if let photo {
          Image(uiImage: photo).resizable().scaledToFit().accessibilityLabel(Words.pictureChosen).overlay {
            if let marks = answers.marks { MarksView(marks: marks) }
          }
        }
        LinesView(lines: answers.lines, font: .title2)
        Text(answers.times).font(.footnote)
      }
    }
    .padding()
    .task(id: chosen) { await answer() }
  }

  private func answer() async {
    guard let chosen else { return }
    do {
      guard let data = try await chosen.loadTransferable(type: Data.self) else { return }
      photo = UIImage(data: data)
      await model.answer(data)
    } catch {
      model.fail(error)
    }
  }
}
