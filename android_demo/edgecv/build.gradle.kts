// No version catalog here: this file goes into other people's projects as it is. Plugin versions are the root project's.
plugins {
    id("com.android.library")
    id("org.jetbrains.kotlin.android")
    id("org.jetbrains.kotlin.plugin.serialization")
}

android {
    namespace = "dev.edgecv"
    compileSdk = 36

    defaultConfig {
        minSdk = 24
        consumerProguardFiles("consumer-rules.pro")
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    // The core knows no Android class; what does lies apart, so that the JVM can build and test the core alone.
    sourceSets["main"].kotlin.srcDir("src/android/kotlin")
}

kotlin {
    compilerOptions {
        jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_17
    }
}

dependencies {
    implementation("org.jetbrains.kotlinx:kotlinx-serialization-json:1.9.0")
    // The app brings the runtimes that its bundle needs; a class of the other one is then never loaded.
    compileOnly("com.google.ai.edge.litert:litert:2.3.0")
    compileOnly("com.microsoft.onnxruntime:onnxruntime-android:1.23.2")
}
